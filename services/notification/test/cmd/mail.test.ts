import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { MAIL_TEMPLATES } from '@auction/common/contracts/identity.ts'
import type { PostgresConfig } from '@auction/common/postgres/pool.ts'
import t from 'tap'
import { returnKey } from '#src/app/mail/return-key.ts'
import { TEMPLATES } from '#src/domain/notices.ts'
import { addressDigest } from '#src/infra/crypto/address-digest.ts'
import { signReturn } from '#src/infra/crypto/return-token.ts'
import { readSuppression } from '#src/infra/postgres/mail/suppressions.ts'
import { createWorld } from '#test/helper.ts'
import { createNoticeMailWorld, type NoticeMailWorld } from '#test/notice-mail-world.ts'
import { bounceMail } from '#test/reports.ts'

const SECRET = 's'.repeat(32)
const SERVICE = fileURLToPath(new URL('../..', import.meta.url))

async function run(args: readonly string[], config?: PostgresConfig, input = '') {
  const postgres = Object.entries(config ?? {}).map(([key, value]) => [key, String(value)])
  const child = spawn(process.execPath, ['src/cmd/mail.ts', ...args], {
    cwd: SERVICE,
    env: {
      PATH: process.env.PATH,
      LOG_LEVEL: 'warn',
      INTERNAL_JWT_SECRET: SECRET,
      ...Object.fromEntries(postgres),
    },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  child.stdin.end(input)
  const [output, errors] = [text(child.stdout), text(child.stderr)]
  const [code] = await once(child, 'exit')
  return { code: code as number | null, output: await output, errors: await errors }
}

const mail = ({ database }: NoticeMailWorld, ...args: string[]) => run(args, database.config)

t.test('a mail that failed is listed, and sent again by its id', async (t) => {
  const world = await createNoticeMailWorld(t)
  const { reader, win, send, server, states, deliveries } = world
  server.behaviour = { onData: '554 5.6.0 looks like spam' }
  await win(reader(), 'Lamp')
  await send()
  const [id = ''] = (await deliveries())
    .filter(({ channel }) => channel === 'mail')
    .map((delivery) => delivery.id)
  const listed = await mail(world, 'list')
  t.equal(listed.code, 0)
  t.match(listed.output, `${id}  notice won`)
  t.match(listed.output, 'failed smtp_554')
  t.match(listed.output, '0 wait')
  server.behaviour = {}
  t.match(await mail(world, 'resend', id), { code: 0, output: '1 queued again\n' })
  await send()
  t.strictSame(await states(), ['sent'])
  t.match(await mail(world, 'resend', id), { code: 1 }, 'what was sent is not sent again')
  t.equal(server.received.length, 1)
})

t.test(
  'all that failed since an instant is sent again, what is unknown only by its id',
  async (t) => {
    const world = await createNoticeMailWorld(t)
    const { reader, win, send, server, states, database } = world
    await win(reader(), 'Lamp')
    await win(reader(), 'Vase')
    await win(reader(), 'Clock')
    await database.pool.query(`
    update deliveries set state = case when n = 1 then 'unknown' else 'failed' end,
      changed_at = clock_timestamp() - n * interval '1 hour', reason = 'smtp_554'
    from (select id, row_number() over (order by id) as n from deliveries where channel = 'mail') o
    where deliveries.id = o.id`)
    const since = new Date(Date.now() - 2.5 * 3_600_000).toISOString()
    t.match(await mail(world, 'resend', '--failed-since', since), { output: '1 queued again\n' })
    await send()
    t.strictSame((await states()).sort(), ['failed: smtp_554', 'sent', 'unknown: smtp_554'])
    t.equal(server.received.length, 1)
  },
)

t.test('operators suppress an address and release it', async (t) => {
  const world = await createNoticeMailWorld(t)
  const { reader, win, send, server } = world
  const ann = reader({ email: 'ann@example.test' })
  t.match(await mail(world, 'suppress', 'Ann@Example.test'), {
    code: 0,
    output: 'Ann@Example.test gets no notices from now on\n',
  })
  t.match(await mail(world, 'suppress', 'ann@example.test'), { output: /already/ })
  await win(ann, 'Lamp')
  await send()
  t.equal(server.received.length, 0)
  t.match(await mail(world, 'suppress', 'lift', 'ann@example.test'), {
    output: /gets notices from now on/,
  })
  await win(ann, 'Vase')
  await send()
  t.equal(server.received.length, 1)
})

t.test(
  'a mail server hands reports to a command, and operators see and lift what they did',
  async (t) => {
    const { database, db } = await createWorld(t)
    const key = returnKey({ INTERNAL_JWT_SECRET: SECRET })
    const token = signReturn(key, {
      mailId: randomUUID(),
      to: 'ann@example.test',
      sentAt: new Date(),
    })
    const suppress = (...args: string[]) => run(['suppress', ...args], database.config)
    const bounce = (mail: string, config = database.config) => run(['bounce'], config, mail)
    t.match(await bounce(bounceMail({ token, status: '4.2.2' })), { code: 0, output: 'counted\n' })
    t.match(await bounce(bounceMail({ token })), { code: 0, output: 'suppressed\n' })
    t.match(await bounce(bounceMail({ token })), {
      code: 0,
      output: 'ignored: mail.report_repeated\n',
    })
    t.match(await bounce('hello'), { code: 0, output: 'ignored: mail.not_a_report\n' })
    const nowhere = await bounce(bounceMail({ token }), { ...database.config, POSTGRES_PORT: 1 })
    t.equal(nowhere.code, 75, 'the server keeps it and tries again')
    const digest = addressDigest('ann@example.test').toString('hex')
    t.match(
      (await suppress('list')).output,
      new RegExp(`^${digest}  bounce .*\\n1 are suppressed\\n$`),
    )
    t.match(await suppress('list', 'Ann@example.test'), {
      output: 'Ann@example.test gets no notices: bounce\n',
    })
    t.match(await suppress('lift', 'ann@example.test'), { output: /gets notices from now on/ })
    t.match(await suppress('list', 'ann@example.test'), {
      output: 'ann@example.test gets notices\n',
    })
    const counted = await db.selectFrom('mail_reports').select('is_counted').execute()
    t.strictSame(counted, [{ is_counted: false }, { is_counted: false }])
    for (const args of [['lift'], ['list', 'x'], []]) t.equal((await suppress(...args)).code, 2)
  },
)

t.test('a suppression is lifted with the bounces behind it, or not at all', async (t) => {
  const { database, db } = await createWorld(t)
  const { pool } = database
  const key = returnKey({ INTERNAL_JWT_SECRET: SECRET })
  const to = 'ann@example.test'
  const token = signReturn(key, { mailId: randomUUID(), to, sentAt: new Date() })
  t.match(await run(['bounce'], database.config, bounceMail({ token })), { output: 'suppressed\n' })
  await pool.query(`
    create function refuse() returns trigger language plpgsql as $$
      begin raise exception 'no' using errcode = 'restrict_violation'; end $$;
    create trigger refuse before update on mail_reports for each row execute function refuse()`)
  const lift = () => run(['suppress', 'lift', to], database.config)
  t.not((await lift()).code, 0)
  t.equal(await readSuppression(db, addressDigest(to)), 'bounce')
  await pool.query('drop trigger refuse on mail_reports')
  t.equal((await lift()).code, 0)
  t.equal(await readSuppression(db, addressDigest(to)), undefined)
})

t.test('of a mail that is handed over the first MiB is read, and all of it is taken', async (t) => {
  const { database } = await createWorld(t)
  const key = returnKey({ INTERNAL_JWT_SECRET: SECRET })
  const token = signReturn(key, {
    mailId: randomUUID(),
    to: 'ann@example.test',
    sentAt: new Date(),
  })
  const report = bounceMail({ token })
  const filling = 'x'
    .repeat(78)
    .concat('\r\n')
    .repeat(3 * 13_108)
  const late = report.replace('This is a MIME-encapsulated message.', filling)
  const bounce = (mail: string) => run(['bounce'], database.config, mail)
  t.match(await bounce(late), { code: 0, output: 'ignored: mail.not_a_report\n' })
  t.match(await bounce(report.replace('Hello', filling)), { code: 0, output: 'suppressed\n' })
})

t.test('every mail of every language can be looked at without any setting', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'mails-'))
  const preview = await run(['preview', '--language', 'tr', '--out', folder])
  t.equal(preview.code, 0, preview.errors)
  const files = await readdir(folder)
  for (const name of [...MAIL_TEMPLATES, ...TEMPLATES, 'digest']) {
    t.ok(files.includes(`${name}.html`) && files.includes(`${name}.txt`), name)
  }
  t.match(await readFile(join(folder, 'outbid.txt'), 'utf8'), 'Subject: Teklifiniz geçildi')
  for (const args of [
    ['preview', '--language', 'xx'],
    ['resend'],
    ['resend', 'x'],
    ['resend', '--failed-since', 'yesterday'],
    ['suppress', 'ann'],
    ['fly'],
  ]) {
    t.equal((await run(args)).code, 2, args.join(' '))
  }
})
