import { randomUUID } from 'node:crypto'
import { createEvent, type EventContract } from '@auction/common/contracts/event.ts'
import { userDeleted, userReinstated, userSuspended } from '@auction/common/contracts/identity.ts'
import { createLogger } from '@auction/common/process/logger.ts'
import { connectBroker } from '@auction/common/rabbitmq/connection.ts'
import { createPublisher } from '@auction/common/rabbitmq/publisher.ts'
import { runConsumers } from '@auction/common/rabbitmq/run-consumers.ts'
import type { StandingUpdate } from '@auction/common/rabbitmq/standing-events.ts'
import { createRegistry } from '@auction/common/telemetry/metrics.ts'
import { ownTrace } from '@auction/common/telemetry/tracing.ts'
import { createTestBroker } from '@auction/common/testing/broker.ts'
import type { Teardown } from '@auction/common/testing/database.ts'
import { waitFor } from '@auction/common/testing/wait-for.ts'
import t from 'tap'
import { onStandingEvents } from '#src/app/consumers/bidder-standing.ts'
import { verifyLots } from '#src/app/verify-lots.ts'
import { createBidSettings } from '#src/domain/settings.ts'
import { putStandings } from '#src/infra/postgres/bidder-standings.ts'
import { createWorld, type World } from '#test/helper.ts'

const put = (
  { db }: World,
  userId: string,
  standing: StandingUpdate['standing'],
  sequence: number,
) => db.transaction().execute((tx) => putStandings(tx, [{ userId, standing, sequence }]))

async function standingOf({ db }: World, userId: string) {
  const row = await db
    .selectFrom('bidder_standings')
    .select(['standing', 'sequence'])
    .where('user_id', '=', userId)
    .executeTakeFirst()
  return row && { standing: row.standing, sequence: Number(row.sequence) }
}

/** Runs the worker's consumers on a broker; `publish` sends an event as identity would. */
async function consume(t: Teardown, { db }: World) {
  const broker = await createTestBroker(t)
  const log = createLogger('bid', 'silent')
  const connection = connectBroker({ url: broker.url, name: 'standings', log })
  t.teardown(() => connection.close())
  const publisher = createPublisher(connection, 'identity stand-in')
  const registry = createRegistry('bid')
  const consumers = runConsumers({
    connection,
    publisher,
    db,
    log,
    registry,
    consumers: onStandingEvents(),
  })
  t.teardown(() => consumers.close())
  await waitFor('consumers and publisher', () => consumers.isReady() && publisher.isReady())
  const contracts = { suspended: userSuspended, reinstated: userReinstated, deleted: userDeleted }
  const publish = async (userId: string, name: keyof typeof contracts, sequence?: number) => {
    const contract = contracts[name] as EventContract
    const trace = ownTrace('test')
    const context = { aggregateId: userId, trace }
    const { exchange, key, envelope } = createEvent(
      contract,
      sequence === undefined ? context : { ...context, sequence },
      name === 'deleted' ? { userId } : { userId, reason: 'a test' },
    )
    const outcome = await publisher.publish({
      exchange,
      routingKey: key,
      content: Buffer.from(JSON.stringify(envelope)),
      options: { messageId: envelope.id, mandatory: true, persistent: true, type: key },
    })
    if (outcome !== 'confirmed') throw new Error(`${key} was ${outcome}`)
  }
  const depth = (queue: string) =>
    connection.withChannel(async (channel) => (await channel.checkQueue(queue)).messageCount)
  return { publish, depth }
}

t.test('events of identity decide who may bid, and the ledger stays consistent', async (t) => {
  const world = await createWorld(t)
  const { publish } = await consume(t, world)
  const { itemId } = await world.putTerms()
  const [ann, ben] = [randomUUID(), randomUUID()]
  t.equal((await world.bid(itemId, ann, '20.00', { key: 'first' })).statusCode, 201)

  await publish(ann, 'suspended', 2)
  await waitFor('the suspension', () => standingOf(world, ann))
  const refused = await world.bid(itemId, ann, '30.00')
  t.match([refused.statusCode, refused.body.code], [403, 'bid.user_suspended'])
  const repeated = await world.bid(itemId, ann, '20.00', { key: 'first' })
  t.equal(repeated.statusCode, 201, 'a stored answer is given again')
  t.equal((await world.bid(itemId, ben, '15.00')).statusCode, 201, 'others go on')
  t.match(await world.lot(itemId), { bidCount: 2, currentPrice: '15.50' })

  await publish(ann, 'reinstated', 3)
  await waitFor('the reinstatement', async () => (await standingOf(world, ann))?.standing === 'ok')
  t.equal((await world.bid(itemId, ann, '30.00')).statusCode, 201)
  await publish(ben, 'deleted', 2)
  await waitFor('the deletion', () => standingOf(world, ben))
  t.equal((await world.bid(itemId, ben, '90.00')).body.code, 'bid.user_suspended')
  t.strictSame((await verifyLots(world.db, createBidSettings())).violations, [])
})

t.test('a reinstatement that overtakes its suspension holds', async (t) => {
  const world = await createWorld(t)
  const { publish } = await consume(t, world)
  const [ann, last] = [randomUUID(), randomUUID()]
  await publish(ann, 'reinstated', 3)
  await waitFor('the reinstatement', () => standingOf(world, ann))
  for (const sequence of [2, 3]) await publish(ann, 'suspended', sequence)
  await publish(last, 'suspended', 1)
  await waitFor('the event published after it', () => standingOf(world, last))
  t.same(await standingOf(world, ann), { standing: 'ok', sequence: 3 })
  const { itemId } = await world.putTerms()
  t.equal((await world.bid(itemId, ann, '20.00')).statusCode, 201)
})

t.test('a message without a sequence is dead-lettered, and the next one is consumed', async (t) => {
  const world = await createWorld(t)
  const { publish, depth } = await consume(t, world)
  const [ann, ben] = [randomUUID(), randomUUID()]
  await publish(ann, 'suspended')
  await publish(ben, 'suspended', 2)
  await waitFor('the next one', () => standingOf(world, ben))
  t.equal(await standingOf(world, ann), undefined)
  const deadLetters = () => depth('bid.identity.user.suspended.v1.dlq')
  await waitFor('the dead letter', async () => (await deadLetters()) === 1)
})

t.test('a suspension that comes while a bid waits for its lot refuses that bid', async (t) => {
  const world = await createWorld(t)
  const { itemId } = await world.putTerms()
  const [ann, ben] = [randomUUID(), randomUUID()]
  const release = await world.hold(itemId)
  const answers = Promise.all([world.bid(itemId, ann, '20.00'), world.bid(itemId, ben, '30.00')])
  await world.waitForLocks(1)
  await put(world, ann, 'suspended', 2)
  await release()
  const [refused, taken] = await answers
  t.match([refused.statusCode, refused.body.code], [403, 'bid.user_suspended'])
  t.match([taken.statusCode, taken.body.bidCount], [201, 1])
})

t.test(
  'a standing never goes back to an older one, in whatever order the events come',
  async (t) => {
    const world = await createWorld(t)
    const ann = randomUUID()
    const updates: [StandingUpdate['standing'], number][] = [
      ['suspended', 2],
      ['ok', 3],
      ['suspended', 4],
      ['ok', 5],
      ['deleted', 6],
    ]
    await Promise.all(
      updates
        .flatMap((one) => [one, one])
        .map(([standing, sequence]) => put(world, ann, standing, sequence)),
    )
    t.same(await standingOf(world, ann), { standing: 'deleted', sequence: 6 })
  },
)

t.test('two consumers with the same users in opposite orders do not deadlock', async (t) => {
  const world = await createWorld(t)
  const users = Array.from({ length: 9 }, () => randomUUID()).sort()
  for (const userId of users) await put(world, userId, 'ok', 1)
  const holder = await world.pool.connect()
  await holder.query('begin')
  await holder.query('select 1 from bidder_standings where user_id = $1 for update', [users[4]])
  // Each takes what it can get and then waits for the one in the middle, or for the other.
  const batches = [users, users.toReversed()].map((userIds, index) =>
    world.db.transaction().execute((tx) =>
      putStandings(
        tx,
        userIds.map((userId) => ({ userId, standing: 'suspended', sequence: index + 2 })),
      ),
    ),
  )
  await world.waitForLocks(2)
  await holder.query('commit')
  holder.release()
  await t.resolves(Promise.all(batches))
  t.same(await standingOf(world, users[0] ?? ''), { standing: 'suspended', sequence: 3 })
})
