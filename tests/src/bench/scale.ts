import { randomUUID } from 'node:crypto'
import { buildApp } from '@auction/bid/app/app.ts'
import { createBidEvents } from '@auction/bid/app/bid-events.ts'
import { buildWorker } from '@auction/bid/app/worker.ts'
import { readWorkerConfig } from '@auction/bid/config.ts'
import { OFFER_WINDOWS } from '@auction/bid/domain/offer.ts'
import { createBidSettings } from '@auction/bid/domain/settings.ts'
import type { Database } from '@auction/bid/infra/postgres/schema.ts'
import { createDatabase } from '@auction/common/postgres/database.ts'
import { createLogger } from '@auction/common/process/logger.ts'
import { startOutboxRelay } from '@auction/common/rabbitmq/relay.ts'
import { createRegistry } from '@auction/common/telemetry/metrics.ts'
import {
  recordStatements,
  type Statement,
  UNUSED_CONNECTIONS,
} from '@auction/common/testing/clock-plans.ts'
import { type Cost, costOf } from '@auction/common/testing/cost.ts'
import { createTestIdentity } from '@auction/common/testing/tokens.ts'
import { waitFor } from '@auction/common/testing/wait-for.ts'
import type { Pool } from 'pg'
import { BUSY_BIDDER } from './scale-fill.ts'

// The floor moves a minute after a read at the earliest.
const FLOOR_TIMEOUT_MS = 180_000
const AT_ONCE = { perSecond: 1_000_000, burst: 1_000_000 }
const log = createLogger('scale', 'silent')

/** What the work of the bid service costs on the database of a pool, by the name of the work. */
export async function measureCosts(
  open: (isPatient?: boolean) => Pool,
): Promise<Map<string, Cost>> {
  const pool = open()
  const patient = open(true)
  const statements = recordStatements(pool)
  const db = createDatabase<Database>(pool)
  const registry = createRegistry('scale')
  const lifecycle = { onStop: () => undefined, isStopping: () => false }
  const { timers } = buildWorker(workerConfig(), { pool, db, log, registry, lifecycle })
  const identity = createTestIdentity()
  const app = await buildApp({
    bidPool: pool,
    pool,
    db,
    settings: createBidSettings(),
    windows: OFFER_WINDOWS,
    events: createBidEvents({ legacyAlias: false }),
    auth: identity,
    log,
    registry: createRegistry('bid'),
    batchMax: 256,
    queueMax: 2_000,
    limits: { bids: AT_ONCE, refusals: AT_ONCE },
  })
  const costs = new Map<string, Cost>()
  const measure = async (name: string, work: () => Promise<unknown>) => {
    costs.set(name, await costOf(patient, statements, work))
  }
  try {
    const lots = await openLots(pool)
    for (const timer of timers) await measure(`timer: ${timer.name}`, () => timer.run())
    const poll = await relayPoll(open)
    await measure('relay poll', () => pool.query(poll.text, poll.values))
    const lotOf = () => lots[Math.floor(Math.random() * lots.length)] ?? ''
    await measure('bid', async () => {
      const answer = await app.inject({
        method: 'POST',
        url: `/api/v1/lots/${lotOf()}/bids`,
        headers: { authorization: `Bearer ${identity.token(randomUUID())}` },
        payload: { maxAmount: '99.00' },
      })
      if (answer.statusCode !== 201 && answer.statusCode !== 422) throw new Error(answer.body)
    })
    const busy = { authorization: `Bearer ${identity.token(BUSY_BIDDER)}` }
    for (const [name, url] of [
      ['my bids', () => '/api/v1/bids?limit=20'],
      ['my bids, won', () => '/api/v1/bids?limit=20&status=won'],
      ['a lot', () => `/api/v1/lots/${lotOf()}`],
      ['history of a lot', () => `/api/v1/lots/${lotOf()}/bids`],
    ] as const) {
      await measure(name, async () => {
        const { statusCode, body } = await app.inject({ url: url(), headers: busy })
        if (statusCode !== 200) throw new Error(body)
      })
    }
  } finally {
    await app.close()
  }
  return costs
}

const workerConfig = () => readWorkerConfig({ ...UNUSED_CONNECTIONS, AUCTION_URL: 'http://unused' })

async function openLots(pool: Pool): Promise<string[]> {
  const { rows } = await pool.query<{ id: string }>(
    `select item_id as id from lots where phase = 'open' order by item_id limit 1000`,
  )
  return rows.map((row) => row.id)
}

/** The statement with which a relay that has read everything, and has its floor, looks for more. */
async function relayPoll(open: () => Pool): Promise<Statement> {
  const pool = open()
  const statements = recordStatements(pool)
  const publisher = {
    isReady: () => true,
    publish: () => Promise.resolve('confirmed' as const),
    close: () => Promise.resolve(),
  }
  const relay = startOutboxRelay({ pool, publisher, log, registry: createRegistry('relay') })
  // A row without events is sent at once: after it the relay knows how far it has read.
  await pool.query(`insert into outbox (id, events) values (gen_random_uuid(), '[]')`)
  const isPoll = ({ text }: Statement) => /from outbox\s+where sent_at is null/.test(text)
  const poll = await waitFor(
    'the relay to poll from its floor',
    () => [...statements.values()].find((one) => isPoll(one) && one.values?.[0] !== '0'),
    FLOOR_TIMEOUT_MS,
  )
  await relay.close()
  return poll
}
