import { randomUUID } from 'node:crypto'
import type { App } from '@auction/common/http/server.ts'
import { createDatabase } from '@auction/common/postgres/database.ts'
import { createLogger } from '@auction/common/process/logger.ts'
import { createRegistry } from '@auction/common/telemetry/metrics.ts'
import {
  createTestDatabase,
  type Teardown,
  type TestDatabase,
} from '@auction/common/testing/database.ts'
import { expectDocumentedAnswers } from '@auction/common/testing/documented-answers.ts'
import { createTestIdentity, type TestIdentity } from '@auction/common/testing/tokens.ts'
import type { Sandbox } from '@auction/local/sandbox/server.ts'
import type { Kysely } from 'kysely'
import { buildApp } from '#src/app/app.ts'
import type { AdvanceDependencies } from '#src/app/payments/advance.ts'
import { createPaymentMetrics } from '#src/app/payments/payment-metrics.ts'
import { type ApprovalRules, NO_APPROVALS } from '#src/domain/approval.ts'
import type { Entry } from '#src/domain/entry.ts'
import type { PayoutProvider } from '#src/domain/payout.ts'
import type { PaymentProvider } from '#src/domain/provider.ts'
import { post } from '#src/infra/postgres/ledger/post.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { SERVICE } from '#src/service.ts'
import { type BidService, startBidService } from './bid-service.ts'
import { createSandboxProvider, payoutsOf } from './infra/stripe/sandbox.ts'
import { type OrderService, startOrderService } from './order-service.ts'

export const log = createLogger('payment', process.env.TEST_LOG_LEVEL ?? 'silent')

export interface Person {
  id: string
  /** Headers of a request of this person's that is made now. */
  readonly headers: { authorization: string }
}

export interface World {
  app: App
  database: TestDatabase
  db: Kysely<Database>
  identity: TestIdentity
  /** A logged-in user; `claims` replace or add. */
  person(claims?: Record<string, unknown>, id?: string): Person
  /** Where payments go, and what advances them without a worker. */
  sandbox: Sandbox
  /** By name; what a test adds is there from then on. */
  providers: Map<string, PaymentProvider>
  /** Who pays sellers, in the same sandbox. */
  payoutProviders: readonly PayoutProvider[]
  orders: OrderService
  /** Who says what lots want held. */
  bids: BidService
  advance: AdvanceDependencies
  /** Posts in a transaction of its own, as one that changes nothing else. */
  post(entry: Entry): Promise<boolean>
}

/** A token and a proof hold for ten minutes, and a test may last longer: both are as old at each request as at the first. */
function personOf(identity: TestIdentity, id: string, claims: Record<string, unknown>): Person {
  const { auth_time: provenAt, ...others } = claims
  const ageSeconds = typeof provenAt === 'number' ? nowSeconds() - provenAt : undefined
  return {
    id,
    get headers() {
      const proof = ageSeconds === undefined ? {} : { auth_time: nowSeconds() - ageSeconds }
      return { authorization: `Bearer ${identity.token(id, { ...others, ...proof })}` }
    },
  }
}

const nowSeconds = () => Math.floor(Date.now() / 1_000)

/** The payment service on a database of its own, with tokens that verify. */
export async function createWorld(
  t: Teardown,
  { approvals = NO_APPROVALS }: { approvals?: ApprovalRules } = {},
): Promise<World> {
  expectDocumentedAnswers(t)
  const database = await createTestDatabase(t, SERVICE.migrations)
  const identity = createTestIdentity()
  const db = createDatabase<Database>(database.pool)
  const { sandbox, provider } = await createSandboxProvider(t)
  const providers = new Map([[provider.name, provider]])
  const payoutProviders = [payoutsOf(sandbox.url)]
  const orders = await startOrderService(t)
  const bids = await startBidService(t)
  const registry = createRegistry('payment')
  const app = await buildApp({
    db,
    auth: identity,
    jurisdiction: 'DE',
    providers,
    payoutProviders,
    orders: orders.client,
    approvals,
    lots: bids.client,
    sellerPercent: 80,
    publicUrl: 'http://localhost:9191',
    sessionMinutes: 60,
    log,
    registry,
  })
  t.teardown(() => app.close())
  const metrics = createPaymentMetrics(createRegistry('payment'))
  return {
    app,
    database,
    db,
    identity,
    sandbox,
    providers,
    orders,
    bids,
    payoutProviders,
    advance: {
      db,
      providers,
      payoutProviders,
      orders: orders.client,
      jurisdiction: 'DE',
      log,
      metrics,
    },
    person: (claims = {}, id = randomUUID()) => personOf(identity, id, claims),
    post: (entry) => db.transaction().execute((tx) => post(tx, entry)),
  }
}
