import { randomBytes, randomUUID } from 'node:crypto'
import { bidBuyNow, bidWon, offerAccepted } from '@auction/common/contracts/bid.ts'
import { createEvent, type OutboxEvent } from '@auction/common/contracts/event.ts'
import {
  paymentChargeback,
  paymentRefunded,
  paymentSucceeded,
} from '@auction/common/contracts/payment.ts'
import { createInternalClient, type InternalClient } from '@auction/common/http/internal-client.ts'
import type { App } from '@auction/common/http/server.ts'
import { createDatabase } from '@auction/common/postgres/database.ts'
import { createLogger } from '@auction/common/process/logger.ts'
import { createSecretBox } from '@auction/common/secret-box.ts'
import { createRegistry } from '@auction/common/telemetry/metrics.ts'
import { ownTrace } from '@auction/common/telemetry/tracing.ts'
import { consume } from '@auction/common/testing/consume.ts'
import {
  createTestDatabase,
  type Teardown,
  type TestDatabase,
} from '@auction/common/testing/database.ts'
import { expectDocumentedAnswers } from '@auction/common/testing/documented-answers.ts'
import { createTestIdentity, type TestIdentity } from '@auction/common/testing/tokens.ts'
import type { Kysely } from 'kysely'
import type { Registry } from 'prom-client'
import { buildApp } from '#src/app/app.ts'
import { giveUpTakeBacks } from '#src/app/cancellation/give-up-take-backs.ts'
import { createConsumers } from '#src/app/consumers.ts'
import { cancelBarredOrders } from '#src/app/departures/barred.ts'
import { createOrderMetrics } from '#src/app/metrics/order-metrics.ts'
import { runDueTimers } from '#src/app/timing/run-due-timers.ts'
import type { OrderState } from '#src/domain/order.ts'
import type { OrderSettings } from '#src/domain/settings.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { SERVICE } from '#src/service.ts'
import { type Lots, startLots } from './lots.ts'

export const log = createLogger('order', process.env.TEST_LOG_LEVEL ?? 'silent')

export const HOUR_MS = 3_600_000
export const DAY_MS = 24 * HOUR_MS

/** As an installation has them that sets nothing. */
export const SETTINGS: OrderSettings = {
  limits: {
    dueHours: 96,
    dueLeastHours: 24,
    reminderHours: [24, 48, 72],
    overdueHours: 48,
    deliveredDays: 14,
    completedDays: 7,
    addressDays: 90,
    reopenDays: 30,
    reopenDueHours: 48,
    disputeDays: 5,
  },
  strikes: { max: 3, days: 365, suspensionDays: 90 },
  premiums: new Map(),
}

export interface Win {
  itemId: string
  round: number
  buyerId: string
  sellerId: string
  finalAmount: string
  currencyCode: string
  wonAt: Date
}

export interface Published {
  key: string
  payload: Record<string, unknown>
  sequence: number | undefined
}

export interface OrderRow {
  id: string
  state: OrderState
  sequence: number
  dueAt: Date
  cancelAt: Date
  claimedBy: string | null
  paidBy: string | null
}

export interface World {
  app: App
  /** The bid service as order knows it, and how it is called. */
  lots: Lots
  bid: InternalClient
  database: TestDatabase
  db: Kysely<Database>
  identity: TestIdentity
  settings: OrderSettings
  /** What the worker counts. */
  registry: Registry
  /** Hands events to their consumers as the broker's messages would come, each kind in one batch. */
  consume(events: readonly OutboxEvent[], on?: Kysely<Database>): Promise<void>
  /** A lot was sold; answers the order. */
  win(changes?: Partial<Win>): Promise<OrderRow & Win>
  order(id: string): Promise<OrderRow>
  /** Another run of the timers, as any worker would do it. */
  runTimers(on?: Kysely<Database>): Promise<number>
  /** Another run of the timer that gives up units of orders that were not reopened, when that is due. */
  giveUp(isDue?: boolean): Promise<number>
  /** Another sweep of orders that may not go on. */
  cancelBarred(): Promise<number>
  /** Moves every instant into the past, which lets time pass without waiting for it. */
  letTimePass(milliseconds: number): Promise<void>
  /** What was written to the outbox so far, in its order. */
  published(word?: string): Promise<Published[]>
}

/** The order service on a database of its own, with tokens that verify. */
export async function createWorld(t: Teardown, settings: OrderSettings = SETTINGS): Promise<World> {
  expectDocumentedAnswers(t)
  const database = await createTestDatabase(t, SERVICE.migrations)
  const { pool } = database
  const identity = createTestIdentity()
  const db = createDatabase<Database>(pool)
  const lots = await startLots(t, identity)
  const bid = createInternalClient({
    service: 'order',
    target: 'bid',
    baseUrl: lots.url,
    secret: identity.internalSecret,
    timeoutMs: 60_000,
  })
  const app = await buildApp({
    db,
    settings,
    lots: bid,
    box: createSecretBox(randomBytes(32).toString('base64')),
    auth: identity,
    log,
    registry: createRegistry('order'),
  })
  t.teardown(() => app.close())
  const registry = createRegistry('order')
  const observe = createOrderMetrics(registry)
  const order = async (id: string) => {
    const { rows } = await pool.query<OrderRow>(`${SELECT_ORDER} where id = $1`, [id])
    const [row] = rows
    if (row === undefined) throw new Error(`no order ${id}`)
    return row
  }
  return {
    app,
    lots,
    bid,
    database,
    db,
    identity,
    settings,
    registry,
    consume: (events, on = db) => consume(on, events, createConsumers({ settings, log, observe })),
    async win(changes = {}) {
      const win = newWin(changes)
      await consume(db, [wonEvent(win)], createConsumers({ settings, log, observe }))
      const { rows } = await pool.query<OrderRow>(
        `${SELECT_ORDER} where item_id = $1 and buyer_id = $2`,
        [win.itemId, win.buyerId],
      )
      const [row] = rows
      if (row === undefined) throw new Error('bid.won made no order')
      return { ...row, ...win }
    },
    order,
    runTimers: (on = db) => runDueTimers({ db: on, log, settings }),
    async giveUp(isDue = true) {
      if (isDue)
        await pool.query(`update take_backs set due_at = clock_timestamp() - interval '1 second'`)
      return giveUpTakeBacks({ db, lots: bid, log })
    },
    cancelBarred: () => cancelBarredOrders({ db, log, settings }),
    async letTimePass(milliseconds) {
      for (const [table, columns] of Object.entries(INSTANTS)) {
        const moves = columns.map((column) => `${column} = ${column} - $1 * interval '1 ms'`)
        await pool.query(`update ${table} set ${moves.join(', ')}`, [milliseconds])
      }
    },
    async published(word = '') {
      const { rows } = await pool.query<{ event: OutboxEvent }>(
        'select event from outbox, json_array_elements(events) with ordinality as its (event, place) order by id, place',
      )
      return rows
        .map(({ event }) => ({
          key: event.key,
          payload: event.envelope.payload,
          sequence: event.envelope.sequence,
        }))
        .filter(({ key }) => key.includes(word))
    },
  }
}

const SELECT_ORDER = `select id, state, sequence::int as sequence, due_at as "dueAt",
  cancel_at as "cancelAt", claimed_by as "claimedBy", paid_by as "paidBy" from orders`

const INSTANTS: Readonly<Record<string, readonly string[]>> = {
  orders: [
    'won_at',
    'due_at',
    'cancel_at',
    'reserved_until',
    'claimed_at',
    'paid_at',
    'created_at',
    'changed_at',
    'refund_asked_at',
  ],
  timers: ['due_at'],
  strikes: ['recorded_at', 'redeemed_at', 'suspended_until'],
  take_backs: ['due_at', 'given_up_at'],
  disputes: ['opened_at', 'answer_by', 'resolved_at'],
  ended_payments: ['ended_at'],
}

export function newWin(changes: Partial<Win> = {}): Win {
  return {
    itemId: randomUUID(),
    round: 1,
    buyerId: randomUUID(),
    sellerId: randomUUID(),
    finalAmount: '18.50',
    currencyCode: 'USD',
    wonAt: new Date(),
    ...changes,
  }
}

/** An order that a payment has claimed and paid. */
export async function paidOrder(world: World, changes: Partial<Win> = {}) {
  const order = await world.win(changes)
  const paymentId = randomUUID()
  const { id: orderId, buyerId } = order
  await claimFor(world, paymentId, [{ orderId, total: '18.50' }], buyerId)
  await world.consume([paymentEvent(paymentSucceeded, paymentId, order)])
  return { ...order, paymentId }
}

export const ADDRESS = { name: 'Ann', line1: 'Road 1', city: 'Town', country: 'DE' }

/** The buyer says where to send it. */
export async function chooseShipping(
  world: World,
  { id, buyerId }: Pick<OrderRow & Win, 'id' | 'buyerId'>,
): Promise<void> {
  const body = { method: 'shipping', address: ADDRESS }
  const { statusCode } = await callAs(world, buyerId, 'PUT', `/api/v1/orders/${id}/delivery`, body)
  if (statusCode !== 204) throw new Error(`the delivery was answered with ${statusCode}`)
}

/** A paid order that is on its way. */
export async function shippedOrder(world: World, changes: Partial<Win> = {}) {
  const order = await paidOrder(world, changes)
  await chooseShipping(world, order)
  const url = `/api/v1/orders/${order.id}/shipments`
  await callAs(world, order.sellerId, 'POST', url, { carrier: 'dhl' })
  return order
}

/** An event of payment about an attempt to pay an order. */
export const paymentEvent = (
  contract: typeof paymentSucceeded,
  paymentId: string,
  { id: orderId, buyerId, sellerId }: Pick<OrderRow & Win, 'id' | 'buyerId' | 'sellerId'>,
): OutboxEvent =>
  createEvent(
    contract,
    { aggregateId: paymentId, sequence: 3, trace: ownTrace('test') },
    {
      paymentId,
      orderId,
      buyerId,
      sellerId,
      amount: '18.50',
      currencyCode: 'USD',
      provider: 'sandbox',
      attempt: 1,
      at: new Date().toISOString(),
      sequence: 3,
    },
  )

/** The buyer got money of an order back, so much in all so far. */
export const refundEvent = (
  {
    id: orderId,
    paymentId,
    buyerId,
    sellerId,
  }: Pick<OrderRow & Win, 'id' | 'buyerId' | 'sellerId'> & { paymentId: string },
  refundedTotal: string,
): OutboxEvent =>
  createEvent(
    paymentRefunded,
    { aggregateId: paymentId, sequence: 9, trace: ownTrace('test') },
    {
      paymentId,
      refundId: randomUUID(),
      orderId,
      buyerId,
      sellerId,
      amount: '1.00',
      refundedTotal,
      currencyCode: 'USD',
      at: new Date().toISOString(),
      sequence: 9,
    },
  )

/** The bank of the buyer took money of a payment back, or has decided. */
export const chargebackEvent = (
  {
    id: orderId,
    paymentId,
    buyerId,
    sellerId,
  }: Pick<OrderRow & Win, 'id' | 'buyerId' | 'sellerId'> & { paymentId: string },
  phase: 'opened' | 'won' | 'lost',
  amount = '18.50',
): OutboxEvent =>
  createEvent(
    paymentChargeback,
    { aggregateId: paymentId, sequence: 9, trace: ownTrace('test') },
    {
      paymentId,
      orderId,
      buyerId,
      sellerId,
      amount,
      currencyCode: 'USD',
      phase,
      at: new Date().toISOString(),
      sequence: 9,
    },
  )

/** The event that bid publishes when it closes a lot. */
export function wonEvent({ wonAt, ...win }: Win): OutboxEvent {
  return createEvent(
    bidWon,
    { aggregateId: win.itemId, sequence: 7, trace: ownTrace('test') },
    { ...win, endReason: 'sold', timestamp: wonAt.toISOString(), sequence: 7 },
  )
}

/** As bid publishes that a bidder accepted an offer. */
export function acceptedEvent({ wonAt, buyerId, finalAmount, ...win }: Win): OutboxEvent {
  const offerId = randomUUID()
  return createEvent(
    offerAccepted,
    { aggregateId: offerId, sequence: 2, trace: ownTrace('test') },
    {
      ...win,
      offerId,
      bidId: randomUUID(),
      userId: buyerId,
      kind: 'second_chance',
      amount: finalAmount,
      unit: 1,
      expiresAt: new Date(wonAt.getTime() + DAY_MS).toISOString(),
      timestamp: wonAt.toISOString(),
      sequence: 2,
    },
  )
}

export interface Purchase {
  itemId: string
  purchaseId: string
  buyerId: string
  sellerId: string
  amount: string
  currencyCode: string
  round: number
  /** Null: the lot was sold at once. */
  reservedUntil: Date | null
}

export const newPurchase = (changes: Partial<Purchase> = {}): Purchase => ({
  itemId: randomUUID(),
  purchaseId: randomUUID(),
  buyerId: randomUUID(),
  sellerId: randomUUID(),
  amount: '18.50',
  currencyCode: 'USD',
  round: 1,
  reservedUntil: new Date(Date.now() + 600_000),
  ...changes,
})

/** The event that bid publishes when a lot is bought at its buy-now price. */
export function buyNowEvent({ reservedUntil, ...purchase }: Purchase): OutboxEvent {
  return createEvent(
    bidBuyNow,
    { aggregateId: purchase.itemId, sequence: 3, trace: ownTrace('test') },
    {
      ...purchase,
      mode: reservedUntil === null ? 'immediate' : 'reserved',
      ...(reservedUntil === null ? {} : { reservedUntil: reservedUntil.toISOString() }),
      timestamp: new Date(Date.now() - 1_000).toISOString(),
      sequence: 3,
    },
  )
}

/** The event that follows when a purchase was paid, or ended the lot at once. */
export function boughtEvent({ amount, reservedUntil: _, ...purchase }: Purchase): OutboxEvent {
  return createEvent(
    bidWon,
    { aggregateId: purchase.itemId, sequence: 4, trace: ownTrace('test') },
    {
      ...purchase,
      finalAmount: amount,
      endReason: 'bought_now',
      timestamp: new Date().toISOString(),
      sequence: 4,
    },
  )
}

export interface Called {
  statusCode: number
  // biome-ignore lint/suspicious/noExplicitAny: tests compare what they expect of an answer.
  body: any
}

type Method = 'GET' | 'POST' | 'PUT' | 'DELETE'

/** One call of the API by a user; the body of the answer is parsed. */
export function callAs(
  world: Pick<World, 'app' | 'identity'>,
  userId: string,
  method: Method,
  url: string,
  body?: unknown,
  claims: Record<string, unknown> = {},
): Promise<Called> {
  return send(world.app, `Bearer ${world.identity.token(userId, claims)}`, method, url, body)
}

/** One call of an internal route, as payment makes it. */
export function callAsService(
  world: Pick<World, 'app' | 'identity'>,
  method: Method,
  url: string,
  body?: unknown,
): Promise<Called> {
  return send(world.app, `Bearer ${world.identity.serviceToken('order')}`, method, url, body)
}

async function send(
  app: App,
  authorization: string,
  method: Method,
  url: string,
  body: unknown,
): Promise<Called> {
  const response = await app.inject({
    method,
    url,
    headers: { authorization },
    ...(body === undefined ? {} : { payload: body as object }),
  })
  const isJson = String(response.headers['content-type']).includes('json')
  return {
    statusCode: response.statusCode,
    body: isJson && response.body !== '' ? response.json() : response.body,
  }
}

/** Claims an order for a payment. */
export const claimFor = (
  world: Pick<World, 'app' | 'identity'>,
  paymentId: string,
  orders: { orderId: string; total: string }[],
  buyerId: string,
  currencyCode = 'USD',
): Promise<Called> =>
  callAsService(world, 'PUT', `/internal/v1/payments/${paymentId}/claim`, {
    orders,
    buyerId,
    currencyCode,
  })

/** Waits until a session of the test's database waits for a lock. */
export async function untilBlocked({ database }: Pick<World, 'database'>): Promise<void> {
  for (;;) {
    const { rows } = await database.pool.query(
      `select 1 from pg_stat_activity
       where datname = current_database() and wait_event_type = 'Lock'`,
    )
    if (rows.length > 0) return
  }
}
