import { createDatabase } from '@auction/common/postgres/database.ts'
import { createPool } from '@auction/common/postgres/pool.ts'
import type { Teardown } from '@auction/common/testing/database.ts'
import { startTcpRelay } from '@auction/common/testing/tcp-relay.ts'
import { waitFor } from '@auction/common/testing/wait-for.ts'
import t from 'tap'
import { sendNextSecurityMail } from '#src/app/mail/send-security-mails.ts'
import { repeatAbandonedMails } from '#src/infra/postgres/mail/mails.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { PATIENT_POOL } from '#test/helper.ts'
import { createMailWorld, log } from '#test/mail-world.ts'
import { createNoticeMailWorld } from '#test/notice-mail-world.ts'

type WorldWithDatabase = { database: { config: Parameters<typeof createPool>[0] } }

/** A database that a sender reaches by way of a relay, which can be away. */
async function withRelay(t: Teardown, { database: { config } }: WorldWithDatabase) {
  const relay = await startTcpRelay(config.POSTGRES_HOST, config.POSTGRES_PORT)
  t.teardown(() => relay.stop())
  const away = { ...config, POSTGRES_HOST: '127.0.0.1', POSTGRES_PORT: relay.port }
  const pool = createPool(away, { ...PATIENT_POOL, log, name: 'sender' })
  t.teardown(() => pool.end())
  return { relay, db: createDatabase<Database>(pool) }
}

t.test(
  'a mail about security that was sent while the database went away is sent once',
  async (t) => {
    const world = await createMailWorld(t)
    const { relay, db } = await withRelay(t, world)
    const id = await world.queue()
    world.server.behaviour = { whileData: () => relay.stop() }
    const sending = sendNextSecurityMail({ ...world.deps, db })
    await waitFor('the mail to arrive', () => world.server.received.length === 1)
    t.match(await world.mailOf(id), { state: 'sending' })
    // Another worker holds its sender for dead by now.
    t.equal(await repeatAbandonedMails(world.db, 0), 1)
    t.match(await world.mailOf(id), { state: 'queued', is_repeated: true })
    await relay.start()
    t.equal(await sending, true)
    t.match(await world.mailOf(id), { state: 'sent', recipient: null })
    await world.makeDue()
    await world.send()
    t.equal(world.server.received.length, 1)
  },
)

t.test('notices that were not taken while the database went away are not lost', async (t) => {
  const world = await createNoticeMailWorld(t)
  const { relay, db } = await withRelay(t, world)
  const ann = world.reader()
  await world.win(ann, 'Brass lamp')
  world.server.behaviour = { whileData: () => relay.stop(), onData: '451 4.3.0 later' }
  const sending = world.send({ ...world.deps, db })
  await waitFor('the mail to be offered', () => world.server.offered === 1)
  t.strictSame(await world.states(ann.id), ['sending'])
  await relay.start()
  await sending
  t.strictSame(await world.states(ann.id), ['queued: smtp_451'])
})
