import { connect } from 'amqplib'
import { Kysely, PostgresDialect } from 'kysely'
import { Type } from 'typebox'
import { v7 as uuidv7 } from 'uuid'
import { bidPlaced } from '#src/contracts/bid.ts'
import { createEvent, defineEvent, field, type OutboxEvent } from '#src/contracts/event.ts'
import { createLogger } from '#src/logger.ts'
import { createRegistry } from '#src/metrics.ts'
import { messagingMigrations } from '#src/postgres/migrate.ts'
import { connectBroker } from '#src/rabbitmq/connection.ts'
import { type Consumer, runConsumers } from '#src/rabbitmq/consumer.ts'
import { writeOutbox } from '#src/rabbitmq/outbox.ts'
import { createPublisher } from '#src/rabbitmq/publisher.ts'
import { startOutboxRelay } from '#src/rabbitmq/relay.ts'
import { createTestBroker } from '#src/testing/broker.ts'
import { createTestDatabase, type Teardown } from '#src/testing/database.ts'

export interface EffectsDatabase {
  effects: { message_id: string; item_id: string; amount: string }
}

export const FAST_TIERS = [
  { name: '5s', delayMs: 60 },
  { name: '30s', delayMs: 90 },
  { name: '5m', delayMs: 120 },
]

export const QUEUE = 'auction.bid.placed.v1'

/** An event nobody subscribes to. */
export const unheard = defineEvent({
  event: 'bid.unheard',
  version: 'v1',
  payload: Type.Object({ itemId: field.id }),
})

export const itemId = () => uuidv7()

export function placed(item: string, amount: string, sequence: number): OutboxEvent {
  const trace = { traceparent: '', traceId: 'a'.repeat(32), correlationId: 'test' }
  const context = { source: 'bid', aggregateId: item, sequence, trace }
  return createEvent(bidPlaced, context, { itemId: item, amount, sequence })
}

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
    later(connectBroker({ url: broker.url, name, log, retryTiers: FAST_TIERS }))
  const publishing = open('publishing')
  const publisher = later(createPublisher(publishing, 'publisher'))
  return {
    ...database,
    broker,
    db,
    publisher,
    write: (events: OutboxEvent[]) => writeOutbox(db, events),
    relay: (options: { pool?: typeof pool } = {}) =>
      later(
        startOutboxRelay({
          pool: options.pool ?? pool,
          publisher: later(createPublisher(open('relay'), 'relay')),
          log,
          registry: createRegistry('test'),
          standbyIntervalMs: 50,
        }),
      ),
    consume: (consumers: Consumer<EffectsDatabase>[], registry = createRegistry('test')) =>
      later(
        runConsumers({
          connection: open('consuming'),
          publisher,
          db,
          log,
          registry,
          consumers,
          retryTiers: FAST_TIERS,
          inProcessDelaysMs: [5],
        }),
      ),
    /** A plain AMQP channel for looking and meddling. */
    async channel() {
      const connection = await connect(broker.url)
      stops.unshift(() => connection.close().catch(() => undefined))
      connection.on('error', () => undefined)
      return connection.createConfirmChannel()
    },
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
