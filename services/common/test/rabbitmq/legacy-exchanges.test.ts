import { type ChannelModel, type ConsumeMessage, connect } from 'amqplib'
import t from 'tap'
import { bidPlaced, bidWon } from '#src/contracts/bid.ts'
import { createEvent, type EventContext } from '#src/contracts/event.ts'
import { userRegistered } from '#src/contracts/identity.ts'
import { connectBroker } from '#src/rabbitmq/connection.ts'
import { createPublisher } from '#src/rabbitmq/publisher.ts'
import type { Teardown } from '#src/testing/database.ts'
import { waitFor } from '#src/testing/wait-for.ts'
import { createMessagingWorld, FAST_TIERS, itemId, QUEUE, traceless } from './helper.ts'

const ITEM = itemId()
const USER = itemId()

const context = (legacyAlias: boolean): EventContext => ({
  aggregateId: ITEM,
  trace: traceless,
  legacyAlias,
})

/** Declares what a consumer of the original declares, before or after us; records what it gets. */
async function seedConsumer(connection: ChannelModel, exchange: string, keys: string) {
  const channel = await connection.createChannel()
  const queue = `${exchange}.all.v1`
  const deadLetters = `${exchange}.dlx`
  await channel.assertExchange(exchange, 'topic', { durable: true })
  await channel.assertExchange(deadLetters, 'topic', { durable: true })
  await channel.assertQueue(`${queue}.dlq`, { durable: true })
  await channel.bindQueue(`${queue}.dlq`, deadLetters, keys)
  await channel.assertQueue(queue, {
    durable: true,
    arguments: { 'x-dead-letter-exchange': deadLetters },
  })
  await channel.bindQueue(queue, exchange, keys)
  await channel.prefetch(10)
  const received: Pick<ConsumeMessage, 'content' | 'properties' | 'fields'>[] = []
  await channel.consume(queue, (message) => {
    if (message === null) return
    received.push(message)
    channel.ack(message)
  })
  return received
}

/** What relays events, with the original's exchanges or without. */
async function start(t: Teardown, hasLegacyExchanges: boolean) {
  const world = await createMessagingWorld(t)
  const connection = await connect(world.broker.directUrl)
  t.teardown(() => connection.close())
  const relaying = connectBroker({
    url: world.broker.url,
    name: 'relay',
    log: world.log,
    hasLegacyExchanges,
    retryTiers: FAST_TIERS,
  })
  const publisher = createPublisher(relaying, 'relay')
  world.relay({ publisher })
  world.later(relaying)
  return { world, connection }
}

const read = (message: { content: Buffer } | undefined) =>
  JSON.parse(message?.content.toString() ?? '{}')

const bids = (legacyAlias: boolean) => [
  createEvent(bidPlaced, context(legacyAlias), {
    itemId: ITEM,
    amount: '10.50',
    timestamp: '2026-11-23T07:00:00.000Z',
  }),
  createEvent(bidWon, context(legacyAlias), {
    itemId: ITEM,
    buyerId: USER,
    finalAmount: '10.50',
  }),
]

t.test('a consumer of the original gets what it reads, where it listens', async (t) => {
  const { world, connection } = await start(t, true)
  const auction = await seedConsumer(connection, 'bid.bidding', 'bid.#')
  const account = await seedConsumer(connection, 'identity.user', 'identity.#')
  await world.write([
    ...bids(true),
    createEvent(userRegistered, context(true), {
      userId: USER,
      name: 'Ada',
      email: 'ada@example.test',
    }),
  ])
  await waitFor('three events', () => auction.length === 2 && account.length === 1)
  t.match(auction.map(read), [
    {
      event: 'bid.placed',
      version: 'v1',
      timestamp: /^2026/,
      traceId: traceless.traceId,
      correlationId: traceless.correlationId,
      payload: { ItemID: ITEM, Amount: '10.50', Timestamp: '2026-11-23T07:00:00.000Z' },
    },
    { event: 'bid.won', payload: { ItemID: ITEM, BuyerID: USER, FinalAmount: '10.50' } },
  ])
  t.match(auction[0], {
    fields: { exchange: 'auction.bid', routingKey: 'bid.placed.v1' },
    properties: {
      headers: {
        'x-service': 'bid',
        'x-trace-id': traceless.traceId,
        'x-correlation-id': traceless.correlationId,
      },
    },
  })
  t.match(read(account[0]), {
    event: 'identity.user.registered',
    payload: { UserID: USER, Name: 'Ada', Email: 'ada@example.test' },
  })
  await waitFor('our own consumer to have its copy', async () => (await world.depth(QUEUE)) === 1)
})

t.test('unasked, nothing is passed on and no name is written twice', async (t) => {
  const { world, connection } = await start(t, false)
  const auction = await seedConsumer(connection, 'bid.bidding', 'bid.#')
  await world.write(bids(false))
  const [placed] = await world.drain(QUEUE, 1)
  await waitFor('everything to be sent', async () => (await world.unsent()) === 0)
  t.strictSame(Object.keys(read({ content: Buffer.from(placed?.content ?? '') }).payload), [
    'itemId',
    'amount',
    'timestamp',
  ])
  t.equal(auction.length, 0)
})
