import { randomUUID } from 'node:crypto'
import { bidPlaced } from '@auction/common/contracts/bid.ts'
import { readEvent } from '@auction/common/contracts/event.ts'
import { createDatabase } from '@auction/common/postgres/database.ts'
import { connectBroker } from '@auction/common/rabbitmq/connection.ts'
import { createPublisher, type Publisher } from '@auction/common/rabbitmq/publisher.ts'
import { runConsumers } from '@auction/common/rabbitmq/run-consumers.ts'
import { createRegistry } from '@auction/common/telemetry/metrics.ts'
import { createTestBroker, type TestBroker } from '@auction/common/testing/broker.ts'
import { createTestDatabase, type TestDatabase } from '@auction/common/testing/database.ts'
import { waitFor } from '@auction/common/testing/wait-for.ts'
import type { ConfirmChannel } from 'amqplib'
import { createConsumers } from '#src/app/consumers.ts'
import { createItemEvents } from '#src/app/item/item-events.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { SERVICE } from '#src/service.ts'
import { placed } from './bid-history.ts'
import { log } from './neighbours.ts'

// Row P5 of docs/performance.md: the worker against the original's way (read, optimistic update, ack,
// 20 at once), and the time in which a backlog is drained. Part of `make bench`; alone with the test
// settings: [ITEMS=1] node test/projection-bench.ts
const ITEMS = Number(process.env.ITEMS ?? 1_000)
const BASELINE_EVENTS = 4_000
const BACKLOG = 100_000
const ROUNDS = Number(process.env.ROUNDS ?? 3)
const QUEUE = 'auction.bid.placed.v1'

const steps: (() => unknown)[] = []
const scope = { teardown: (step: () => unknown) => void steps.push(step) }
try {
  await main()
} finally {
  for (const step of steps.reverse()) await step()
}

async function main(): Promise<void> {
  const database = await createTestDatabase(scope, SERVICE.migrations)
  const broker = await createTestBroker(scope)
  const connection = connectBroker({ url: broker.url, name: 'bench', log })
  scope.teardown(() => connection.close())
  const publisher = createPublisher(connection, 'bench')
  await waitFor('the publisher', () => publisher.isReady())
  for (let round = 0; round < ROUNDS; round += 1) {
    const baseline = await measure(database, publisher, BASELINE_EVENTS, () =>
      runBaseline(database, broker),
    )
    const ours = await measure(database, publisher, BACKLOG, () => runOurs(database, broker))
    console.log(
      `round ${round + 1}: one by one ${baseline.toFixed(0)}/s, worker ${ours.toFixed(0)}/s, ` +
        `${(ours / baseline).toFixed(1)} times, ${BACKLOG} events in ${(BACKLOG / ours).toFixed(2)} s`,
    )
    process.send?.({ baseline, ours, backlogSeconds: BACKLOG / ours })
  }
}

interface Running {
  close(): Promise<void>
}

/** Fills the queue, starts a consumer, and answers events per second until all are applied. */
async function measure(
  { pool }: TestDatabase,
  publisher: Publisher,
  count: number,
  start: () => Running,
): Promise<number> {
  const ids = Array.from({ length: ITEMS }, () => randomUUID())
  await pool.query('truncate items cascade')
  await pool.query(
    `insert into items (id, seller_id, name, currency_code, start_price, start_date,
       original_end_date, end_date, status, terms_version, published_at, current_price,
       reserve_met, buy_now_available)
     select id, gen_random_uuid(), 'x', 'USD', 100, now(), now() + interval '1 day',
       now() + interval '1 day', 'active', 1, now(), 100, true, false
     from unnest($1::uuid[]) as id`,
    [ids],
  )
  await fill(publisher, ids, count)
  const startedAtMs = performance.now()
  const running = start()
  await waitFor(
    'the backlog',
    async () => {
      const { rows } = await pool.query<{ last: bigint }>(
        'select min(bid_sequence) as last from items',
      )
      return Number(rows[0]?.last) === count / ITEMS
    },
    300_000,
  )
  const seconds = (performance.now() - startedAtMs) / 1_000
  await running.close()
  return count / seconds
}

async function fill(publisher: Publisher, ids: string[], count: number): Promise<void> {
  // As in life: the end only changes with an extension, and the update stays off the indexes.
  const endDate = new Date(Date.now() + 86_400_000).toISOString()
  const window: Promise<unknown>[] = []
  for (let index = 0; index < count; index += 1) {
    const sequence = Math.floor(index / ITEMS) + 1
    const event = placed(ids[index % ITEMS] ?? '', sequence, {
      amount: `${sequence}.00`,
      endDate,
    })
    window.push(
      publisher.publish({
        exchange: event.exchange,
        routingKey: event.key,
        content: Buffer.from(JSON.stringify(event.envelope)),
        options: { messageId: event.envelope.id, mandatory: true, persistent: true },
      }),
    )
    if (window.length === 256) await Promise.all(window.splice(0))
  }
  await Promise.all(window)
}

function runOurs({ pool }: TestDatabase, broker: TestBroker): Running {
  const connection = connectBroker({ url: broker.url, name: 'ours', log })
  const publisher = createPublisher(connection, 'ours')
  const consumers = runConsumers({
    connection,
    publisher,
    db: createDatabase<Database>(pool),
    log,
    registry: createRegistry('bench'),
    consumers: createConsumers(createItemEvents({ legacyAlias: false })),
  })
  return {
    async close() {
      await consumers.close()
      await publisher.close()
      await connection.close()
    },
  }
}

/**
 * The original's way: 20 messages at once, each reads the item, updates the version it read, tries
 * again when another was faster, and is acknowledged alone. Its events carry no order, so every one
 * must be applied; `bid_sequence` is the item's version here.
 */
function runBaseline({ pool }: TestDatabase, broker: TestBroker): Running {
  const connection = connectBroker({ url: broker.url, name: 'baseline', log })
  let inFlight = 0
  const handle = connection.openChannel('baseline', async (channel: ConfirmChannel) => {
    await channel.prefetch(20)
    await channel.consume(QUEUE, async (message) => {
      if (message === null) return
      inFlight += 1
      const { payload } = readEvent(bidPlaced, message.content)
      for (;;) {
        const { rows } = await pool.query<{ version: number }>(
          'select *, bid_sequence::int as version from items where id = $1',
          [payload.itemId],
        )
        const { rowCount } = await pool.query(
          `update items set current_price = greatest(current_price, $3), bid_count = bid_count + 1,
             end_date = $4, bid_sequence = bid_sequence + 1, updated_at = now()
           where id = $1 and bid_sequence = $2`,
          [payload.itemId, rows[0]?.version, Number(payload.amount) * 100, payload.endDate],
        )
        if (rowCount === 1) break
      }
      channel.ack(message)
      inFlight -= 1
    })
  })
  return {
    async close() {
      await waitFor('the last acknowledgements', () => inFlight === 0)
      await handle.close()
      await connection.close()
    },
  }
}
