import { randomBytes, randomUUID } from 'node:crypto'
import { Webhook } from 'standardwebhooks'
import t from 'tap'
import { liftSuppression } from '#src/app/mail/lift-suppression.ts'
import { addressDigest } from '#src/infra/crypto/address-digest.ts'
import { signReturn } from '#src/infra/crypto/return-token.ts'
import { countReportsOfDay, purgeReports } from '#src/infra/postgres/mail/mail-reports.ts'
import { readSuppression } from '#src/infra/postgres/mail/suppressions.ts'
import { createWorld, RETURN_KEY, type World } from '#test/helper.ts'
import { createNoticeMailWorld } from '#test/notice-mail-world.ts'
import { bounceMail, complaintMail } from '#test/reports.ts'

const SECRET = randomBytes(32).toString('base64')
const BEARER = { authorization: `Bearer ${SECRET}` }
const DAY_MS = 86_400_000

const create = (t: Parameters<typeof createWorld>[0]) => createWorld(t, { reportSecret: SECRET })

const tokenTo = (to: string, daysAgo = 0, mailId = randomUUID()) =>
  signReturn(RETURN_KEY, { mailId, to, sentAt: new Date(Date.now() - daysAgo * DAY_MS) })

async function post(
  { app }: Pick<World, 'app'>,
  body: unknown,
  headers: Record<string, string> = BEARER,
  url = '/webhooks/mail',
) {
  const isText = typeof body === 'string'
  const answer = await app.inject({
    method: 'POST',
    url,
    headers: { 'content-type': 'application/json', ...headers },
    payload: isText ? body : JSON.stringify(body),
  })
  return { statusCode: answer.statusCode, body: answer.json() }
}

const report = async (world: Pick<World, 'app'>, kind: string, returnAddress: string) =>
  (await post(world, { reports: [{ kind, returnAddress }] })).body.results[0]

const raw = async (world: Pick<World, 'app'>, mail: string) =>
  (await post(world, mail, { ...BEARER, 'content-type': 'message/rfc822' }, '/webhooks/mail/raw'))
    .body

const reasonOf = ({ db }: Pick<World, 'db'>, address: string) =>
  readSuppression(db, addressDigest(address))

t.test('a hard bounce and a complaint suppress the address of the mail, once', async (t) => {
  const world = await create(t)
  const [toAnn, toBen] = [tokenTo('ann@example.test'), tokenTo('ben@example.test')]
  const reports = [
    { kind: 'hard_bounce', returnAddress: `bounces+${toAnn}@example.test` },
    { kind: 'complaint', returnAddress: toBen },
    { kind: 'complaint', returnAddress: toBen },
  ]
  t.strictSame((await post(world, { reports })).body.results, [
    { outcome: 'suppressed' },
    { outcome: 'suppressed' },
    { outcome: 'ignored', code: 'mail.report_repeated' },
  ])
  t.equal(await reasonOf(world, 'Ann@example.test'), 'bounce')
  t.equal(await reasonOf(world, 'ben@example.test'), 'complaint')
  await liftSuppression(world.db, addressDigest('ben@example.test'))
  t.match(await report(world, 'complaint', toBen), { code: 'mail.report_repeated' })
  t.equal(await reasonOf(world, 'ben@example.test'), undefined, 'a replay suppresses nothing again')
  t.strictSame(
    [...(await countReportsOfDay(world.db))],
    [
      ['hard_bounce', 1],
      ['soft_bounce', 0],
      ['complaint', 1],
    ],
  )
})

t.test('no one suppresses a stranger, and a report that comes late does nothing', async (t) => {
  const world = await create(t)
  const foreign = signReturn(randomBytes(32), {
    mailId: randomUUID(),
    to: 'ann@example.test',
    sentAt: new Date(),
  })
  for (const text of ['ann@example.test', foreign, 'x', 'a'.repeat(52)]) {
    t.strictSame(await report(world, 'hard_bounce', text), {
      outcome: 'ignored',
      code: 'mail.unknown_return_address',
    })
  }
  t.strictSame(await report(world, 'hard_bounce', tokenTo('ann@example.test', 61)), {
    outcome: 'ignored',
    code: 'mail.return_address_expired',
  })
  t.equal(await reasonOf(world, 'ann@example.test'), undefined)
  t.match(await report(world, 'hard_bounce', tokenTo('ann@example.test', 59)), {
    outcome: 'suppressed',
  })
})

t.test('five mails that bounce softly over three days suppress an address', async (t) => {
  const world = await create(t)
  const bounce = (address = 'ann@example.test') => report(world, 'soft_bounce', tokenTo(address))
  const age = (days: number) =>
    world.database.pool.query(
      `update mail_reports set reported_at = reported_at - make_interval(days => $1)`,
      [days],
    )
  for (let count = 1; count <= 6; count += 1) {
    t.strictSame(await bounce(), { outcome: 'counted' }, `${count} on one day`)
  }
  await age(3)
  t.strictSame(await bounce('ben@example.test'), { outcome: 'counted' }, 'of another address')
  t.equal(await reasonOf(world, 'ann@example.test'), undefined)
  t.strictSame(await bounce(), { outcome: 'suppressed' })
  t.equal(await reasonOf(world, 'ann@example.test'), 'bounce')
  for (let count = 1; count <= 4; count += 1) await bounce('eve@example.test')
  await age(31)
  t.strictSame(await bounce('eve@example.test'), { outcome: 'counted' }, 'old ones count no more')
})

t.test('soft bounces that come at the same moment are counted one by one', async (t) => {
  const world = await create(t)
  await report(world, 'soft_bounce', tokenTo('ann@example.test'))
  await world.database.pool.query(
    `update mail_reports set reported_at = reported_at - interval '4 days'`,
  )
  const results = await Promise.all(
    Array.from({ length: 4 }, () => report(world, 'soft_bounce', tokenTo('ann@example.test'))),
  )
  t.equal(results.filter(({ outcome }) => outcome === 'suppressed').length, 1)
  t.equal(await reasonOf(world, 'ann@example.test'), 'bounce')
})

t.test('only who has the secret reports, by any of three ways', async (t) => {
  const world = await create(t)
  const body = JSON.stringify({ reports: [{ kind: 'complaint', returnAddress: 'x' }] })
  const signed = (at = new Date(), secret = SECRET, of = body) => ({
    'webhook-id': 'report-1',
    'webhook-timestamp': String(Math.floor(at.getTime() / 1_000)),
    'webhook-signature': `v1,bm8= ${new Webhook(secret).sign('report-1', at, of)}`,
  })
  const basic = (text: string) => ({
    authorization: `Basic ${Buffer.from(text).toString('base64')}`,
  })
  for (const headers of [BEARER, basic(`any:${SECRET}`), signed()]) {
    t.equal((await post(world, body, headers)).statusCode, 200)
  }
  const other = randomBytes(32).toString('base64')
  const withoutId = { ...signed(), 'webhook-id': 'report-2' }
  for (const headers of [
    {},
    { authorization: `Bearer ${other}` },
    { authorization: 'Bearer ' },
    { authorization: SECRET },
    basic(`${SECRET}:`),
    basic(SECRET.slice(1)),
    signed(new Date(), other),
    signed(new Date(), SECRET, `${body} `),
    withoutId,
    { ...signed(), authorization: 'Bearer x' },
    { 'webhook-signature': 'v1,' },
  ] as Record<string, string>[]) {
    t.match(
      await post(world, body, headers),
      { statusCode: 401, body: { code: 'mail.unknown_reporter' } },
      JSON.stringify(headers),
    )
  }
  for (const minutes of [-6, 6]) {
    t.match(await post(world, body, signed(new Date(Date.now() + minutes * 60_000))), {
      statusCode: 401,
      body: { code: 'mail.signature_late' },
    })
  }
  t.match(await post(world, 'not json', {}), { statusCode: 400 })
  t.match(await post(await createWorld(t), body), {
    statusCode: 404,
    body: { code: 'mail.reports_off' },
  })
})

t.test('a report has one shape and a size', async (t) => {
  const world = await create(t)
  const one = { kind: 'complaint', returnAddress: 'x' }
  for (const body of [
    {},
    { reports: [] },
    { reports: [{ ...one, kind: 'bounce' }] },
    { reports: [{ ...one, address: 'ann@example.test' }] },
    { reports: [{ ...one, returnAddress: '' }] },
    { reports: Array.from({ length: 101 }, () => one) },
    [],
  ]) {
    t.equal((await post(world, body)).statusCode, 400, JSON.stringify(body).slice(0, 60))
  }
  const large = { reports: [{ ...one, returnAddress: 'x'.repeat(300_000) }] }
  t.equal((await post(world, large)).statusCode, 413)
  t.equal((await post(world, 'x', { ...BEARER, 'content-type': 'text/plain' })).statusCode, 415)
})

t.test('mails of servers and providers are taken as they are', async (t) => {
  const world = await create(t)
  const token = tokenTo('ann@example.test')
  t.strictSame(await raw(world, bounceMail({ token, action: 'delayed' })), {
    outcome: 'ignored',
    code: 'mail.no_failure',
  })
  t.strictSame(await raw(world, bounceMail({ token, status: '4.2.2' })), { outcome: 'counted' })
  t.strictSame(await raw(world, bounceMail({ token })), { outcome: 'suppressed' })
  t.equal(await reasonOf(world, 'ann@example.test'), 'bounce')
  t.strictSame(await raw(world, complaintMail({ token: tokenTo('ben@example.test') })), {
    outcome: 'suppressed',
  })
  t.equal(await reasonOf(world, 'ben@example.test'), 'complaint')
  t.strictSame(await raw(world, 'Subject: I am away\n\nBack on Monday.'), {
    outcome: 'ignored',
    code: 'mail.not_a_report',
  })
  t.strictSame(await raw(world, bounceMail({ token: 'b'.repeat(52) })), {
    outcome: 'ignored',
    code: 'mail.unknown_return_address',
  })
  const unsigned = { 'content-type': 'message/rfc822' }
  t.match(await post(world, bounceMail({ token }), unsigned, '/webhooks/mail/raw'), {
    statusCode: 401,
  })
})

t.test('what comes back with a mail ends the notices to its reader', async (t) => {
  const world = await createNoticeMailWorld(t, {}, { reportSecret: SECRET })
  const { reader, win, send, server, states } = world
  const ann = reader({ email: 'ann@example.test' })
  await win(ann, 'Lamp')
  await send()
  const [mail] = server.received
  const token = String(mail?.headers.get('x-auction-return'))
  t.equal(mail?.envelope.from, `bounces+${token}@example.test`)
  t.ok(mail?.envelope.from.split('@')[0]?.length === 60)
  t.strictSame(await report(world, 'complaint', String(mail?.envelope.from)), {
    outcome: 'suppressed',
  })
  await win(ann, 'Vase')
  await send()
  t.equal(server.received.length, 1)
  t.strictSame((await states(ann.id)).sort(), ['dropped: suppressed', 'sent'])
})

t.test('a report is kept for longer than it is believed', async (t) => {
  const world = await create(t)
  await report(world, 'soft_bounce', tokenTo('ann@example.test'))
  await report(world, 'complaint', tokenTo('ben@example.test'))
  await world.database.pool.query(
    `update mail_reports set reported_at = reported_at - interval '62 days' where kind = 'complaint'`,
  )
  t.equal(await purgeReports(world.db, 61, 10), 1)
  t.equal(await purgeReports(world.db, 61, 10), 0)
})
