import { randomUUID } from 'node:crypto'
import { createEvent, type OutboxEvent, readEvent } from '@auction/common/contracts/event.ts'
import { orderStrikeRecorded, orderStrikeRedeemed } from '@auction/common/contracts/order.ts'
import { createLogger } from '@auction/common/process/logger.ts'
import type { Delivery } from '@auction/common/rabbitmq/consumer.ts'
import { createSecretBox } from '@auction/common/secret-box.ts'
import { ownTrace } from '@auction/common/telemetry/tracing.ts'
import { sql } from 'kysely'
import t from 'tap'
import { createMails } from '#src/app/mails/mails.ts'
import { endDueSuspensions } from '#src/app/operators/reinstate-user.ts'
import { onStrikeRecorded, onStrikeRedeemed } from '#src/app/strikes/strike-events.ts'
import { newKeyEncryptionKey, PUBLIC_URL, startIdentity } from '#test/helper.ts'
import { auditOf, eventsOf, type Identity, person } from '#test/operators.ts'

const DAY_MS = 86_400_000
const mails = createMails(PUBLIC_URL, createSecretBox(newKeyEncryptionKey()))
const options = { mails, log: createLogger('identity', 'silent') }

function report(userId: string, sequence: number, count: number, untilMs = 90 * DAY_MS) {
  const isLimitReached = count >= 3
  return createEvent(
    orderStrikeRecorded,
    { aggregateId: userId, sequence, trace: ownTrace('test') },
    {
      userId,
      orderId: randomUUID(),
      count,
      isLimitReached,
      ...(isLimitReached ? { suspendedUntil: new Date(Date.now() + untilMs).toISOString() } : {}),
      at: new Date().toISOString(),
      sequence,
    },
  )
}

const redeemed = (userId: string, sequence: number, count: number, until?: Date) =>
  createEvent(
    orderStrikeRedeemed,
    { aggregateId: userId, sequence, trace: ownTrace('test') },
    {
      userId,
      orderId: randomUUID(),
      count,
      isLimitReached: count >= 3,
      ...(until === undefined ? {} : { suspendedUntil: until.toISOString() }),
      at: new Date().toISOString(),
      sequence,
    },
  )

/** Hands events to their consumers in this order. */
async function consume({ db }: Identity, ...events: OutboxEvent[]): Promise<void> {
  const consumers = [onStrikeRecorded(options), onStrikeRedeemed(options)]
  for (const { key, envelope } of events) {
    const consumer = consumers.find(({ contract }) => contract.key === key)
    if (consumer === undefined) throw new Error(`no consumer of ${key}`)
    const read = readEvent(consumer.contract, Buffer.from(JSON.stringify(envelope)))
    const delivery = { ...read, trace: ownTrace('test') } as Delivery<never>
    await db.transaction().execute((tx) => consumer.handle(tx, delivery))
  }
}

const keysOf = async (identity: Identity, userId: string) =>
  (await eventsOf(identity, userId)).map(({ key }) => key)

t.test('the third strike suspends the account and ends its sessions at once', async (t) => {
  const identity = await startIdentity(t)
  const ann = await person(identity, 'ann@example.org')
  await consume(identity, report(ann.id, 1, 1), report(ann.id, 2, 2))
  t.equal((await ann.call('GET', 'validate')).status, 200)
  await consume(identity, report(ann.id, 3, 3))
  t.equal((await ann.call('GET', 'validate')).status, 401)
  t.match((await identity.login({ email: ann.email })).json(), { code: 'identity.suspended' })
  t.strictSame(await keysOf(identity, ann.id), ['identity.user.suspended.v1'])
  t.match(await auditOf(identity, ann.id), [
    { action: 'user.suspended', actorId: null, details: { strikes: '3' } },
  ])
})

t.test('paying redeems: with two strikes left the account is reinstated', async (t) => {
  const identity = await startIdentity(t)
  const ann = await person(identity, 'ann@example.org')
  await consume(identity, report(ann.id, 3, 3), redeemed(ann.id, 4, 2))
  t.equal((await identity.login({ email: ann.email })).statusCode, 200)
  t.strictSame(await keysOf(identity, ann.id), [
    'identity.user.suspended.v1',
    'identity.user.reinstated.v1',
  ])
})

t.test('reports that come late or again have no effect', async (t) => {
  const identity = await startIdentity(t)
  const ann = await person(identity, 'ann@example.org')
  const third = report(ann.id, 3, 3)
  await consume(identity, redeemed(ann.id, 4, 2), third, third)
  t.equal((await ann.call('GET', 'validate')).status, 200, 'the redemption is newer')
  await consume(identity, report(ann.id, 5, 3), report(ann.id, 5, 3))
  t.strictSame(await keysOf(identity, ann.id), ['identity.user.suspended.v1'])
})

t.test('a suspension that would be over by now is none', async (t) => {
  const identity = await startIdentity(t)
  const ann = await person(identity, 'ann@example.org')
  await consume(identity, report(ann.id, 3, 3, -DAY_MS))
  t.equal((await ann.call('GET', 'validate')).status, 200)
})

t.test(
  'what an operator decided is neither ended by paying nor replaced by a strike',
  async (t) => {
    const identity = await startIdentity(t)
    const moderator = await person(identity, 'mod@example.org', '{user,moderator}')
    const ann = await person(identity, 'ann@example.org')
    await moderator.call('POST', `users/${ann.id}/suspend`, { reason: 'Sells what is not there' })
    await consume(identity, report(ann.id, 3, 3), redeemed(ann.id, 4, 2))
    t.match((await identity.login({ email: ann.email })).json(), { code: 'identity.suspended' })
    t.strictSame(await keysOf(identity, ann.id), ['identity.user.suspended.v1'])
  },
)

t.test('an operator who replaces a suspension for strikes makes it the own', async (t) => {
  const identity = await startIdentity(t)
  const moderator = await person(identity, 'mod@example.org', '{user,moderator}')
  const ann = await person(identity, 'ann@example.org')
  await consume(identity, report(ann.id, 3, 3))
  await moderator.call('POST', `users/${ann.id}/suspend`, { reason: 'Fraud' })
  await consume(identity, redeemed(ann.id, 4, 2))
  t.match((await identity.login({ email: ann.email })).json(), { code: 'identity.suspended' })
})

t.test('an operator is not suspended by strikes, and an unknown user is no error', async (t) => {
  const identity = await startIdentity(t)
  const moderator = await person(identity, 'mod@example.org', '{user,moderator}')
  await consume(identity, report(moderator.id, 3, 3), report(randomUUID(), 3, 3))
  t.equal((await moderator.call('GET', 'validate')).status, 200)
})

/** When the suspension of a user ends, and what it is for. */
const suspensionOf = async ({ db }: Identity, userId: string) =>
  db
    .selectFrom('suspensions')
    .select(['cause', 'ends_at as endsAt'])
    .where('user_id', '=', userId)
    .executeTakeFirst()

/** Lets the time of a suspension be up. */
const letEnd = async ({ db }: Identity, userId: string) => {
  await sql`
    update suspensions set suspended_at = clock_timestamp() - interval '2 hours',
      ends_at = clock_timestamp() - interval '1 second' where user_id = ${userId}`.execute(db)
  return endDueSuspensions({ db })
}

t.test('a strike that is redeemed ends what it added, and never suspends for ever', async (t) => {
  const identity = await startIdentity(t)
  const ann = await person(identity, 'ann@example.org')
  const third = new Date(Date.now() + 60 * DAY_MS)
  await consume(identity, report(ann.id, 3, 3, 60 * DAY_MS), report(ann.id, 4, 4))
  await consume(identity, redeemed(ann.id, 5, 3, third))
  t.strictSame(await suspensionOf(identity, ann.id), { cause: 'strikes', endsAt: third })
  await consume(identity, redeemed(ann.id, 6, 3))
  t.strictSame(await suspensionOf(identity, ann.id), { cause: 'strikes', endsAt: third })
  await consume(identity, redeemed(ann.id, 7, 2))
  t.equal((await identity.login({ email: ann.email })).statusCode, 200)
})

t.test('a redemption that comes before its strikes still suspends until their end', async (t) => {
  const identity = await startIdentity(t)
  const ann = await person(identity, 'ann@example.org')
  const third = new Date(Date.now() + 60 * DAY_MS)
  await consume(identity, redeemed(ann.id, 5, 3, third), report(ann.id, 4, 4))
  t.strictSame(await suspensionOf(identity, ann.id), { cause: 'strikes', endsAt: third })
})

t.test('a strike counts while an operator suspends, and the longer of the two holds', async (t) => {
  const identity = await startIdentity(t)
  const moderator = await person(identity, 'mod@example.org', '{user,moderator}')
  const [ann, bob] = [
    await person(identity, 'ann@example.org'),
    await person(identity, 'bob@example.org'),
  ]
  const until = new Date(Date.now() + DAY_MS).toISOString()
  for (const { id } of [ann, bob])
    await moderator.call('POST', `users/${id}/suspend`, { reason: 'Rude', until })
  await consume(identity, report(ann.id, 3, 3), report(bob.id, 3, 3), redeemed(bob.id, 4, 2))
  t.match(await suspensionOf(identity, ann.id), { cause: 'operator' })
  t.equal(await letEnd(identity, ann.id), 0)
  const suspension = await suspensionOf(identity, ann.id)
  t.equal(suspension?.cause, 'strikes')
  t.ok(Number(suspension?.endsAt) > Date.now() + 80 * DAY_MS)
  t.match((await identity.login({ email: ann.email })).json(), { code: 'identity.suspended' })
  t.equal(await letEnd(identity, bob.id), 1, 'the strike was redeemed meanwhile')
  await consume(identity, redeemed(ann.id, 4, 2))
  t.equal((await identity.login({ email: ann.email })).statusCode, 200)
})

t.test('an operator who reinstates pardons the strikes so far, and no later one', async (t) => {
  const identity = await startIdentity(t)
  const moderator = await person(identity, 'mod@example.org', '{user,moderator}')
  const ann = await person(identity, 'ann@example.org')
  const third = report(ann.id, 3, 3, 60 * DAY_MS)
  await consume(identity, third, report(ann.id, 4, 4, 70 * DAY_MS))
  await moderator.call('POST', `users/${ann.id}/reinstate`, { reason: 'Was in hospital' })
  const until = new Date(
    String((third.envelope.payload as { suspendedUntil: string }).suspendedUntil),
  )
  await consume(identity, redeemed(ann.id, 5, 3, until))
  t.equal((await identity.login({ email: ann.email })).statusCode, 200, 'paying brings none back')
  await consume(identity, report(ann.id, 6, 4))
  t.match(await suspensionOf(identity, ann.id), { cause: 'strikes' })
})
