import { type ChannelModel, connect } from 'amqplib'
import { Kysely, PostgresDialect } from 'kysely'
import { Type } from 'typebox'
import { v7 as uuidv7 } from 'uuid'
import { bidPlaced, bidWon } from '#src/contracts/bid.ts'
import { createEvent, eventsOf, field, type OutboxEvent } from '#src/contracts/event.ts'
import { messagingMigrations } from '#src/postgres/migrate.ts'
import { createLogger } from '#src/process/logger.ts'
import { connectBroker } from '#src/rabbitmq/connection.ts'
import {
  type Consumer,
  type ConsumersOptions,
  projection,
  transactional,
} from '#src/rabbitmq/consumer.ts'
import { writeOutbox } from '#src/rabbitmq/outbox.ts'
import { createPublisher } from '#src/rabbitmq/publisher.ts'
import { type RelayOptions, startOutboxRelay } from '#src/rabbitmq/relay.ts'
import { runConsumers } from '#src/rabbitmq/run-consumers.ts'
import { SUBSCRIPTIONS } from '#src/rabbitmq/topology.ts'
import { createRegistry } from '#src/telemetry/metrics.ts'
import { createTestBroker } from '#src/testing/broker.ts'
import { createTestDatabase, type Teardown } from '#src/testing/database.ts'
import { waitFor } from '#src/testing/wait-for.ts'

export interface EffectsDatabase {
  effects: { message_id: string; item_id: string; amount: string }
}

export interface Drained {
  id: string
  headers: Record<string, unknown>
  content: string
}

export const FAST_TIERS = [
  { name: '5s', delayMs: 60 },
  { name: '30s', delayMs: 90 },
  { name: '5m', delayMs: 120 },
]

/** One subscriber of each event, so that a test can take it away. */
export const SUBSCRIBED = SUBSCRIPTIONS.filter(({ consumer }) => consumer === 'auction')

export const QUEUE = 'auction.bid.placed.v1'

/** An event without subscribers. */
export const unheard = eventsOf('bid')({
  event: 'bid.unheard',
  version: 'v1',
  payload: Type.Object({ itemId: field.id }),
})

export const WON_QUEUE = 'auction.bid.won.v1'

export const traceless = { traceparent: '', traceId: 'a'.repeat(32), correlationId: 'test' }

export const itemId = () => uuidv7()

export function placed(item: string, amount: string, sequence: number): OutboxEvent {
  const context = { aggregateId: item, sequence, trace: traceless }
  return createEvent(bidPlaced, context, { itemId: item, amount, sequence })
}

export const won = (item: string): OutboxEvent =>
  createEvent(
    bidWon,
    { aggregateId: item, trace: traceless },
    { itemId: item, buyerId: itemId(), finalAmount: '10.00' },
  )

/** The sequences of an item's events in the order of their messages. */
export const sequencesOf = (messages: Drained[], item: string): number[] =>
  messages
    .map(({ content }) => JSON.parse(content))
    .filter(({ payload }) => payload.itemId === item)
    .map(({ sequence }) => sequence)

/** Notes each bid in the table of effects; `before` may fail or wait. */
export const store = (before: (amount: string) => unknown = () => undefined) =>
  transactional<EffectsDatabase, typeof bidPlaced.payload>({
    kind: 'transactional',
    consumer: 'auction',
    contract: bidPlaced,
    async handle(tx, event) {
      const { itemId, amount } = event.payload
      await before(amount)
      await tx
        .insertInto('effects')
        .values({ message_id: event.id, item_id: itemId, amount })
        .execute()
    },
  })

/** The same in batches. */
export const fold = (batchMax: number, before: (amounts: string[]) => unknown = () => undefined) =>
  projection<EffectsDatabase, typeof bidPlaced.payload>({
    kind: 'projection',
    consumer: 'auction',
    contract: bidPlaced,
    batchMax,
    async handle(tx, events) {
      await before(events.map(({ payload }) => payload.amount))
      const rows = events.map(({ id, payload }) => ({
        message_id: id,
        item_id: payload.itemId,
        amount: payload.amount,
      }))
      await tx.insertInto('effects').values(rows).execute()
    },
  })

/** Database, vhost and what writes, relays and consumes between them. */
export async function createMessagingWorld(t: Teardown) {
  const database = await createTestDatabase(t, [messagingMigrations])
  const broker = await createTestBroker(t)
  const { pool } = database
  await pool.query('create table effects (message_id uuid, item_id uuid, amount text)')
  const db = new Kysely<EffectsDatabase>({ dialect: new PostgresDialect({ pool }) })
  const log = createLogger('test', process.env.TEST_LOG ?? 'silent')
  const stops: (() => Promise<unknown>)[] = []
  const later = <T extends { close(): Promise<unknown> }>(thing: T): T => {
    stops.unshift(() => thing.close())
    return thing
  }
  t.teardown(async () => {
    for (const stop of stops) await stop()
  })
  const open = (name: string) =>
    later(
      connectBroker({
        url: broker.url,
        name,
        log,
        subscriptions: SUBSCRIBED,
        retryTiers: FAST_TIERS,
      }),
    )
  const publishing = open('publishing')
  const publisher = later(createPublisher(publishing, 'publisher'))
  // Past the network that tests cut: the observer must see what is there.
  let observer: Promise<ChannelModel> | undefined
  const channel = async () => {
    observer ??= connect(broker.directUrl).then((connection) => {
      connection.on('error', () => undefined)
      stops.unshift(() => connection.close().catch(() => undefined))
      return connection
    })
    const opened = await (await observer).createConfirmChannel()
    opened.on('error', () => undefined)
    return opened
  }
  // The services declare their queues when they connect, which may be later than a test looks.
  const declared = (queue: string) =>
    waitFor(`${queue} to be declared`, async () => {
      const probe = await channel()
      probe.on('error', () => undefined)
      const isThere = await probe.checkQueue(queue).then(
        () => true,
        () => false,
      )
      if (isThere) await probe.close()
      return isThere
    })
  return {
    ...database,
    broker,
    db,
    log,
    later,
    open,
    publisher,
    write: (events: OutboxEvent[]) => db.transaction().execute((tx) => writeOutbox(tx, events)),
    relay: (options: Partial<RelayOptions> = {}) =>
      later(
        startOutboxRelay({
          pool,
          publisher: options.publisher ?? later(createPublisher(open('relay'), 'relay')),
          log,
          registry: createRegistry('test'),
          standbyIntervalMs: 50,
          ...options,
        }),
      ),
    consume: (
      consumers: Consumer<EffectsDatabase>[],
      options: Partial<ConsumersOptions<EffectsDatabase>> = {},
    ) =>
      later(
        runConsumers({
          connection: open('consuming'),
          publisher,
          db,
          log,
          registry: createRegistry('test'),
          consumers,
          retryTiers: FAST_TIERS,
          inProcessDelaysMs: [5],
          ...options,
        }),
      ),
    /** How many messages lie ready in a queue; waits for its declaration. */
    async depth(queue: string): Promise<number> {
      await declared(queue)
      const lent = await channel()
      const { messageCount } = await lent.checkQueue(queue)
      await lent.close()
      return messageCount
    },
    /** Takes out what lies in a queue, until there were `count`. */
    async drain(queue: string, count: number): Promise<Drained[]> {
      await declared(queue)
      const open = await channel()
      const found: Drained[] = []
      await waitFor(`${count} messages in ${queue}`, async () => {
        for (;;) {
          const message = await open.get(queue, { noAck: true })
          if (message === false) break
          found.push({
            id: String(message.properties.messageId),
            headers: message.properties.headers ?? {},
            content: message.content.toString(),
          })
        }
        return found.length >= count
      })
      // A test that drains until something else happens would use up the connection's channels.
      await open.close()
      return found
    },
    /** A plain AMQP channel for looking and meddling. */
    channel,
    async unsent(): Promise<number> {
      const { rows } = await pool.query<{ count: number }>(
        'select count(*)::int as count from outbox where sent_at is null',
      )
      return rows[0]?.count ?? -1
    },
    async effects(): Promise<{ message_id: string; item_id: string; amount: string }[]> {
      return (await pool.query('select * from effects')).rows
    },
  }
}

/**
 * Waits until the broker has sent a projection all that its prefetch allows, of so many messages in
 * all: how it cuts them up on the wire is no part of what a test of batches asks.
 */
export async function untilAllowedArrived(
  world: { effects(): Promise<unknown[]>; depth(queue: string): Promise<number> },
  total: number,
  batchMax: number,
): Promise<void> {
  const handled = (await world.effects()).length
  const waiting = Math.max(0, total - handled - 2 * batchMax)
  await waitFor('the prefetch to be used up', async () => (await world.depth(QUEUE)) <= waiting)
}
