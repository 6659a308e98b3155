import { randomBytes } from 'node:crypto'
import { createInternalClient } from '@auction/common/http/internal-client.ts'
import { createDatabase } from '@auction/common/postgres/database.ts'
import { createPool, type PostgresConfig } from '@auction/common/postgres/pool.ts'
import { createLogger } from '@auction/common/process/logger.ts'
import { createRegistry } from '@auction/common/telemetry/metrics.ts'
import type { Pool, PoolClient } from 'pg'
import type { AdvanceDependencies } from '#src/app/payments/advance.ts'
import { beginPayment } from '#src/app/payments/begin-payment.ts'
import { refundOrder } from '#src/app/payments/decide-refund.ts'
import { createOrderClient, type OrderClient } from '#src/app/payments/order-client.ts'
import { createPaymentMetrics } from '#src/app/payments/payment-metrics.ts'
import { advanceDue } from '#src/app/payments/payment-timers.ts'
import type { PayoutProvider } from '#src/domain/payout.ts'
import type { PaymentProvider } from '#src/domain/provider.ts'
import { readPayment, wakePayment } from '#src/infra/postgres/payments/payments.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { PATIENT_MS, payOnPage, payoutsOf, providerOf } from '#test/infra/stripe/sandbox.ts'
import { INTERNAL_SECRET } from '#test/order-service.ts'

/** A payment and its refund, and after how many effects the process that brings them about dies. */
export interface Life {
  database: PostgresConfig
  sandboxUrl: string
  orderUrl: string
  buyerId: string
  orderId: string
  dieAfter: number
}

const ROUNDS = 8

/** Begins, is paid on the page, captured and refunded; with the same keys each time, so that it may be run again. */
export async function live(
  dependencies: AdvanceDependencies,
  { buyerId, orderId }: Pick<Life, 'buyerId' | 'orderId'>,
): Promise<string> {
  const { db } = dependencies
  const { payment } = await beginPayment(
    { ...dependencies, sessionMinutes: 60 },
    {
      buyerId,
      orderIds: [orderId],
      provider: undefined,
      returnUrl: 'http://localhost:9191/orders',
      idempotencyKey: orderId,
      trace: {
        traceparent: `00-${randomBytes(16).toString('hex')}-${randomBytes(8).toString('hex')}-01`,
        traceId: '',
        correlationId: 'killed',
      },
    },
  )
  for (let round = 0; round < ROUNDS; round += 1) {
    await wakePayment(db, payment.id)
    await advanceDue(dependencies)
    const current = await readPayment(db, payment.id)
    const isRefunded = current?.refundedAmount === 350n
    if (isRefunded && current.operations.every(({ state }) => state === 'done')) break
    if (current?.state === 'open' && current.nextUrl !== null) await payOnPage(current.nextUrl)
    if (current?.state !== 'captured' || isRefunded) continue
    await refundOrder(dependencies, {
      paymentId: payment.id,
      orderId,
      amount: 350n,
      reason: 'broken',
      requestedBy: null,
      idempotencyKey: 'refund',
      isOfSeller: false,
    })
  }
  return payment.id
}

interface Mortal {
  /** Called after each effect. */
  effect(): void
  isDead(): boolean
}

/**
 * Lives until the effect after which it dies: then `die` ends it. True: it lived to its end. What has died does
 * nothing any more: each of its promises stays open, as those of a process that is gone.
 */
export async function liveUntil(
  life: Life,
  die: (pool: Pool) => void,
  work: (dependencies: AdvanceDependencies, life: Life) => Promise<unknown> = live,
): Promise<boolean> {
  const log = createLogger('payment', 'silent')
  const pool = createPool(life.database, {
    log,
    name: 'mortal',
    max: 4,
    // A life ends by its death or at its end: a busy machine does not end it.
    connectionTimeoutMs: PATIENT_MS,
    statementTimeoutMs: PATIENT_MS,
    lockTimeoutMs: PATIENT_MS,
    idleInTransactionMs: PATIENT_MS,
  })
  let effects = 0
  let end: () => void = () => undefined
  const died = new Promise<false>((resolve) => {
    end = () => resolve(false)
  })
  const mortal: Mortal = {
    effect() {
      effects += 1
      if (effects !== life.dieAfter) return
      die(pool)
      end()
    },
    isDead: () => effects >= life.dieAfter,
  }
  countQueries(pool, mortal)
  const client = createInternalClient({
    service: 'payment',
    target: 'order',
    baseUrl: life.orderUrl,
    secret: INTERNAL_SECRET,
    timeoutMs: PATIENT_MS,
  })
  const provider = counted(providerOf(life.sandboxUrl), mortal)
  const lived = work(
    {
      db: createDatabase<Database>(pool),
      providers: new Map([[provider.name, provider]]),
      payoutProviders: [counted(payoutsOf(life.sandboxUrl), mortal)],
      orders: counted(createOrderClient(client), mortal),
      jurisdiction: undefined,
      log,
      metrics: createPaymentMetrics(createRegistry('payment')),
    },
    life,
  ).then(async () => {
    await pool.end()
    return true
  })
  return Promise.race([lived, died])
}

/** What asks no one. */
const SYNCHRONOUS: readonly PropertyKey[] = ['problemOf', 'payable', 'isAccountGone']

const never = (): Promise<never> => new Promise(() => undefined)

/** Dies right after a statement was done, COMMIT included, and so before anything else is. */
function countQueries(pool: Pool, { effect, isDead }: Mortal): void {
  const counting = new WeakSet<PoolClient>()
  pool.on('acquire', (client) => {
    if (counting.has(client)) return
    counting.add(client)
    const query = client.query.bind(client) as (...values: unknown[]) => Promise<unknown>
    Object.assign(client, {
      async query(...values: unknown[]) {
        if (isDead()) return never()
        try {
          const result = await query(...values)
          effect()
          return isDead() ? never() : result
        } catch (error) {
          if (isDead()) return never()
          throw error
        }
      },
    })
  })
}

/** Dies right after a request was answered, before anything is done with the answer. */
function counted<T extends OrderClient | PaymentProvider | PayoutProvider>(
  target: T,
  { effect, isDead }: Mortal,
): T {
  return new Proxy(target, {
    get(object, name) {
      const member: unknown = Reflect.get(object, name)
      if (typeof member !== 'function' || SYNCHRONOUS.includes(name)) {
        return member
      }
      return async (...values: unknown[]) => {
        if (isDead()) return never()
        try {
          const result: unknown = await member.apply(object, values)
          effect()
          return isDead() ? never() : result
        } catch (error) {
          if (isDead()) return never()
          throw error
        }
      }
    },
  })
}
