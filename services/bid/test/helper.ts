import { randomUUID } from 'node:crypto'
import type { ApplyTermsRequest } from '@auction/common/contracts/terms.ts'
import type { App } from '@auction/common/http/server.ts'
import { createDatabase } from '@auction/common/postgres/database.ts'
import type { PostgresConfig } from '@auction/common/postgres/pool.ts'
import { createLogger } from '@auction/common/process/logger.ts'
import { createRegistry } from '@auction/common/telemetry/metrics.ts'
import { ownTrace } from '@auction/common/telemetry/tracing.ts'
import { createTestDatabase, type Teardown } from '@auction/common/testing/database.ts'
import { expectDocumentedAnswers } from '@auction/common/testing/documented-answers.ts'
import { createTestIdentity, type TestIdentity } from '@auction/common/testing/tokens.ts'
import { waitFor } from '@auction/common/testing/wait-for.ts'
import type { Kysely } from 'kysely'
import type { Pool } from 'pg'
import { v7 as uuidv7 } from 'uuid'
import { type AppDependencies, buildApp } from '#src/app/app.ts'
import { createBidEvents } from '#src/app/bid-events.ts'
import { closeDueLots } from '#src/app/close-lots.ts'
import { releaseLapsed, releasePurchase } from '#src/app/release-reservations.ts'
import { OFFER_WINDOWS } from '#src/domain/offer.ts'
import { createBidSettings } from '#src/domain/settings.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { SERVICE } from '#src/service.ts'

export interface World {
  app: App
  /** For looking and for everything but batches. */
  pool: Pool
  /** Another pool for batches, as the API has it. */
  createBidPool(): Pool
  config: PostgresConfig
  db: Kysely<Database>
  identity: TestIdentity
  /** Another API process on the same database, with connections of its own for batches or with these. */
  replica(bidPool?: Pool): Promise<App>
  /** Another closer run, as any worker would do it. */
  close(): Promise<number>
  putTerms(
    changes?: Partial<ApplyTermsRequest>,
  ): Promise<{ statusCode: number; body: Answer; itemId: string }>
  lot(itemId: string): Promise<Answer>
  bid(itemId: string, bidderId: string, maxAmount: unknown, options?: BidOptions): Promise<Reply>
  buy(itemId: string, buyerId: string, options?: BidOptions): Promise<Reply>
  /** Another run of the timer that releases reservations, as any worker would do it. */
  release(): Promise<number>
  /** As order asks before it takes the money of a reservation. */
  pay(itemId: string, purchaseId: unknown, app?: App): Promise<Reply>
  /** As the worker does when an order ended unpaid; whether that released the lot. */
  cancelOrder(itemId: string, purchaseId: unknown, reason?: string): Promise<boolean>
  /** Lets a reservation end without waiting for it. */
  lapse(itemId: string): Promise<void>
  /** Locks a lot as another process would; the answer releases it. */
  hold(itemId: string): Promise<() => Promise<void>>
  /** Resolves when exactly `count` transactions wait for a lock. */
  waitForLocks(count: number): Promise<unknown>
  /**
   * Whether the last bid on a lot is less than three seconds old, in which the same again is a double click. A test that
   * was slower than that, because its machine is busy, begins again.
   */
  isRecent(itemId: string): Promise<boolean>
  /** Moves every instant of a lot, which lets time pass without waiting for it. */
  shiftLot(itemId: string, milliseconds: number): Promise<void>
}

export interface BidOptions {
  key?: string
  body?: Record<string, unknown>
  app?: App
}

export type Answer = Record<string, unknown>
export interface Reply {
  statusCode: number
  headers: Record<string, unknown>
  body: Answer & { code?: string; details?: Answer }
}

const DAY_MS = 86_400_000
/** By how much the closer of these tests extends a lot after an outage, at least. */
export const OUTAGE_EXTENSION_MS = 900_000
const AT_ONCE = { perSecond: 1_000_000, burst: 1_000_000 }
const UNLIMITED = { bids: AT_ONCE, refusals: AT_ONCE }
/** On a machine that is very busy two seconds pass before it is the turn of a bid. */
const PATIENT_WAIT_MS = 60_000

/** The bid service on a database of its own, with tokens that verify. */
export async function createWorld(
  t: Teardown,
  {
    legacyAlias = false,
    ...overrides
  }: Partial<Pick<AppDependencies, 'batchMax' | 'queueMax' | 'limits' | 'waitMaxMs'>> & {
    legacyAlias?: boolean
  } = {},
): Promise<World> {
  expectDocumentedAnswers(t)
  const { pool, config, createPool } = await createTestDatabase(t, SERVICE.migrations)
  const identity = createTestIdentity()
  const log = createLogger('bid', 'silent')
  const createBidPool = () => createPool(10, { isPipelined: true })
  const build = async (on: Pool, bidPool = createBidPool()) => {
    const app = await buildApp({
      bidPool,
      pool: on,
      db: createDatabase<Database>(on),
      settings: createBidSettings(),
      windows: OFFER_WINDOWS,
      events: createBidEvents({ legacyAlias }),
      auth: identity,
      log,
      registry: createRegistry('bid'),
      batchMax: 256,
      queueMax: 2_000,
      limits: UNLIMITED,
      waitMaxMs: PATIENT_WAIT_MS,
      ...overrides,
    })
    t.teardown(() => app.close())
    return app
  }
  const app = await build(pool)
  const db = createDatabase<Database>(pool)
  return {
    app,
    pool,
    config,
    db,
    identity,
    createBidPool,
    replica: (bidPool) => build(createPool(), bidPool),
    close: () =>
      closeDueLots({
        db,
        events: createBidEvents({ legacyAlias }),
        log,
        outageExtensionMs: OUTAGE_EXTENSION_MS,
      }),
    async putTerms(changes = {}) {
      const terms = lotTerms(changes)
      const response = await app.inject({
        method: 'PUT',
        url: `/internal/v1/lots/${terms.itemId}/terms`,
        headers: serviceHeaders(identity),
        payload: terms,
      })
      return { statusCode: response.statusCode, body: response.json(), itemId: terms.itemId }
    },
    async lot(itemId) {
      return (await app.inject({ method: 'GET', url: `/api/v1/lots/${itemId}` })).json()
    },
    async bid(itemId, bidderId, maxAmount, options = {}) {
      const response = await (options.app ?? app).inject({
        method: 'POST',
        url: `/api/v1/lots/${itemId}/bids`,
        headers: {
          authorization: `Bearer ${identity.token(bidderId)}`,
          ...(options.key === undefined ? {} : { 'idempotency-key': options.key }),
        },
        payload: { maxAmount, ...options.body },
      })
      return { statusCode: response.statusCode, headers: response.headers, body: response.json() }
    },
    async buy(itemId, buyerId, options = {}) {
      const response = await (options.app ?? app).inject({
        method: 'POST',
        url: `/api/v1/lots/${itemId}/buy-now`,
        headers: {
          authorization: `Bearer ${identity.token(buyerId)}`,
          ...(options.key === undefined ? {} : { 'idempotency-key': options.key }),
        },
        payload: options.body ?? {},
      })
      return { statusCode: response.statusCode, headers: response.headers, body: response.json() }
    },
    release: () =>
      releaseLapsed({
        db,
        events: createBidEvents({ legacyAlias }),
        settings: createBidSettings(),
        log,
      }),
    async pay(itemId, purchaseId, at = app) {
      const response = await at.inject({
        method: 'PUT',
        url: `/internal/v1/lots/${itemId}/purchases/${purchaseId}/payment`,
        headers: serviceHeaders(identity),
      })
      return { statusCode: response.statusCode, headers: response.headers, body: response.json() }
    },
    async cancelOrder(itemId, purchaseId, reason = 'buy_now_released') {
      let isReleased = false
      const dependencies = {
        events: createBidEvents({ legacyAlias }),
        settings: createBidSettings(),
        log,
        observe: { reservationEnded: () => (isReleased = true) },
      }
      await db
        .transaction()
        .execute((tx) =>
          releasePurchase(
            tx,
            dependencies,
            { itemId, purchaseId: String(purchaseId), reason },
            ownTrace('test'),
          ),
        )
      return isReleased
    },
    async lapse(itemId) {
      const client = await pool.connect()
      await client.query('begin; set local session_replication_role = replica')
      await client.query(
        `with span as (
           select make_interval(secs => ceil(extract(epoch from reserved_until - clock_timestamp())) + 3) as span
           from lots where item_id = $1
         ), moved as (
           update lots set last_decided_at = last_decided_at - span, reserved_until = reserved_until - span
           from span where item_id = $1 returning purchase_id, span
         ), bids_before as (
           update bids set decided_at = decided_at - moved.span from moved where item_id = $1
         )
         update purchases set decided_at = decided_at - span, reserved_until = reserved_until - span
         from moved where id = purchase_id`,
        [itemId],
      )
      await client.query('commit')
      client.release()
    },
    async hold(itemId) {
      const client = await pool.connect()
      await client.query('begin; set local idle_in_transaction_session_timeout = 0')
      await client.query('select 1 from lots where item_id = $1 for update', [itemId])
      return async () => {
        await client.query('commit')
        client.release()
      }
    },
    waitForLocks: (count) =>
      waitFor(`${count} transactions to wait for a lock`, async () => {
        const { rows } = await pool.query(
          `select 1 from pg_stat_activity
            where datname = current_database() and wait_event_type = 'Lock'`,
        )
        return rows.length === count
      }),
    async isRecent(itemId) {
      const { rows } = await pool.query<{ is: boolean }>(
        `select clock_timestamp() < least(max(recorded_at) + interval '3 s',
           max(decided_at) + interval '5 s') as is
         from bids where item_id = $1`,
        [itemId],
      )
      return rows[0]?.is === true
    },
    async shiftLot(itemId, milliseconds) {
      await pool.query(
        `update lots set starts_at = starts_at + $2 * interval '1 ms', ends_at = ends_at + $2 * interval '1 ms',
           original_ends_at = original_ends_at + $2 * interval '1 ms',
           hard_ends_at = hard_ends_at + $2 * interval '1 ms' where item_id = $1`,
        [itemId, milliseconds],
      )
    },
  }
}

/** As another service calls the internal routes. */
export const serviceHeaders = (identity: TestIdentity) => ({
  authorization: `Bearer ${identity.serviceToken('bid')}`,
})

/** Terms of a lot that has just begun and lasts a day. */
export function lotTerms(changes: Partial<ApplyTermsRequest> = {}): ApplyTermsRequest {
  return {
    itemId: uuidv7(),
    sellerId: randomUUID(),
    type: 'english',
    round: 1,
    termsVersion: 1,
    currencyCode: 'USD',
    startPrice: '10.00',
    bidIncrement: '0.50',
    startDate: new Date(Date.now() - 60_000).toISOString(),
    endDate: new Date(Date.now() + DAY_MS).toISOString(),
    extensionThresholdMinutes: 0,
    extensionDurationMinutes: 0,
    extensionMode: 'from_end',
    maxExtensionMinutes: 60,
    maxExtensions: 0,
    ...changes,
  }
}
