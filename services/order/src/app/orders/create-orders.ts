import { bidBuyNow, bidWon, offerAccepted } from '@auction/common/contracts/bid.ts'
import { newId } from '@auction/common/ids.ts'
import { parseAmount } from '@auction/common/money.ts'
import { readClock } from '@auction/common/postgres/clock.ts'
import type { Logger } from '@auction/common/process/logger.ts'
import { type Delivery, PermanentError, projection } from '@auction/common/rabbitmq/consumer.ts'
import { writeOutbox } from '@auction/common/rabbitmq/outbox.ts'
import type { Trace } from '@auction/common/telemetry/tracing.ts'
import type { Transaction } from 'kysely'
import type { Static } from 'typebox'
import { dueDates } from '#src/domain/due-dates.ts'
import type { Order } from '#src/domain/order.ts'
import { timersOf } from '#src/domain/order-timers.ts'
import { premiumOf } from '#src/domain/premium.ts'
import type { OrderSettings } from '#src/domain/settings.ts'
import { PLATFORM, recordChanges } from '#src/infra/postgres/orders/changes.ts'
import { putOrderTraces } from '#src/infra/postgres/orders/order-traces.ts'
import { findUnstored, insertOrders, lockReserved } from '#src/infra/postgres/orders/orders.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { setTimers } from '#src/infra/postgres/timers/timers.ts'
import { orderEvent } from './order-events.ts'
import { perform } from './perform.ts'

// As many lots may close in one second.
const BATCH_MAX = 100

export interface WinDependencies {
  settings: OrderSettings
  log: Logger
  observe?: { winWithoutOrder(): void }
}

/** What makes an order, whatever it came from. */
export interface Win {
  readonly itemId: string
  readonly round: number
  readonly unit: number
  readonly buyerId: string
  readonly sellerId: string
  readonly source: Order['source']
  readonly purchaseId: string | null
  /** Until then it may be paid; null: the lot is the buyer's. */
  readonly reservedUntil: Date | null
  readonly currencyCode: string
  readonly amount: bigint
  readonly wonAt: Date
  readonly trace: Trace
  readonly causationId: string
}

/**
 * A lot was sold. Its order is stored once for each item, round, unit and buyer, so a message that comes
 * again, to eight workers at once or in any order, has no effect (R-ORDER-1).
 */
export const onBidWon = (dependencies: WinDependencies) =>
  projection({
    kind: 'projection',
    consumer: 'order',
    contract: bidWon,
    batchMax: BATCH_MAX,
    async handle(tx: Transaction<Database>, deliveries) {
      const wins = deliveries.map(winOf)
      await createOrders(tx, dependencies, wins)
      await secureOrders(tx, dependencies.settings, wins)
    },
  })

/**
 * A lot was bought at its buy-now price. Of one that is reserved, the order is due when the reservation ends; one whose
 * time is over already makes none, for the lot is free again (R-ORDER-12).
 */
export const onBidBuyNow = (dependencies: WinDependencies) =>
  projection({
    kind: 'projection',
    consumer: 'order',
    contract: bidBuyNow,
    batchMax: BATCH_MAX,
    async handle(tx: Transaction<Database>, deliveries) {
      const now = await readClock(tx)
      const wins = deliveries.map(purchaseOf)
      await createOrders(
        tx,
        dependencies,
        wins.filter(({ reservedUntil }) => reservedUntil === null || reservedUntil > now),
      )
    },
  })

/** A bidder accepted an offer of a lot that was over: an order like that of a winner, with the offer's price (R-ORDER-1). */
export const onOfferAccepted = (dependencies: WinDependencies) =>
  projection({
    kind: 'projection',
    consumer: 'order',
    contract: offerAccepted,
    batchMax: BATCH_MAX,
    async handle(tx: Transaction<Database>, deliveries) {
      await createOrders(tx, dependencies, deliveries.map(acceptanceOf))
    },
  })

function acceptanceOf({ id, payload, trace }: Delivery<Static<typeof offerAccepted.payload>>): Win {
  const { itemId, round, unit, userId, sellerId, currencyCode } = payload
  const amount = parseAmount(payload.amount, currencyCode)
  if (!amount.ok) throw new PermanentError(`offer.accepted of ${payload.amount} ${currencyCode}`)
  return {
    itemId,
    round,
    unit,
    buyerId: userId,
    sellerId,
    source: 'offer',
    purchaseId: null,
    reservedUntil: null,
    currencyCode,
    amount: amount.minor,
    wonAt: new Date(payload.timestamp),
    trace,
    causationId: id,
  }
}

function purchaseOf({ id, payload, trace }: Delivery<Static<typeof bidBuyNow.payload>>): Win {
  const { itemId, round, buyerId, sellerId, currencyCode, purchaseId, reservedUntil } = payload
  const amount = parseAmount(payload.amount, currencyCode)
  if (!amount.ok) throw new PermanentError(`bid.buynow of ${payload.amount} ${currencyCode}`)
  return {
    itemId,
    round,
    unit: 1,
    buyerId,
    sellerId,
    source: 'buynow',
    purchaseId,
    reservedUntil: reservedUntil === undefined ? null : new Date(reservedUntil),
    currencyCode,
    amount: amount.minor,
    wonAt: new Date(payload.timestamp),
    trace,
    causationId: id,
  }
}

function winOf({ id, payload, timestamp, trace }: Delivery<Static<typeof bidWon.payload>>): Win {
  const { itemId, buyerId, sellerId, currencyCode, finalAmount, round = 1 } = payload
  // Thin events of other publishers do not say who sells, and in what.
  if (sellerId === undefined || currencyCode === undefined)
    throw new PermanentError('bid.won without its seller or currency makes no order')
  const amount = parseAmount(finalAmount, currencyCode)
  if (!amount.ok) throw new PermanentError(`bid.won of ${finalAmount} ${currencyCode}`)
  return {
    itemId,
    round,
    unit: 1,
    buyerId,
    sellerId,
    source: payload.endReason === 'bought_now' ? 'buynow' : 'won',
    purchaseId: payload.purchaseId ?? null,
    reservedUntil: null,
    currencyCode,
    amount: amount.minor,
    wonAt: new Date(payload.timestamp ?? timestamp),
    trace,
    causationId: id,
  }
}

/**
 * The lots of these purchases are their buyers' now: the orders are due as others are. One that ended with its
 * reservation, because this was learned too late, is owed again (R-ORDER-12).
 */
export async function secureOrders(
  tx: Transaction<Database>,
  settings: OrderSettings,
  wins: readonly Pick<Win, 'purchaseId' | 'trace'>[],
): Promise<void> {
  const traces = new Map(
    wins.flatMap(({ purchaseId, trace }) => (purchaseId === null ? [] : [[purchaseId, trace]])),
  )
  if (traces.size === 0) return
  for (const order of await lockReserved(tx, [...traces.keys()])) {
    const trace = traces.get(order.purchaseId ?? '')
    if (trace === undefined) continue
    const dates = dueDates(order.wonAt, await readClock(tx), settings.limits)
    await perform(tx, order, settings, {
      act: { kind: 'secure', ...dates },
      actor: PLATFORM,
      trace,
      ...(order.state === 'cancelled' ? { happened: { kind: 'reopened' as const } } : {}),
    })
  }
}

/** Stores the orders that are not there yet, with their timers and events, in this transaction. */
async function createOrders(
  tx: Transaction<Database>,
  { settings, log, observe }: WinDependencies,
  wins: readonly Win[],
): Promise<void> {
  if (wins.length === 0) return
  const now = await readClock(tx)
  const made = wins.map((win) => ({ win, order: newOrder(win, settings, now) }))
  const stored = await insertOrders(
    tx,
    made.map(({ order }) => order),
  )
  const fresh = made.filter(({ order }) => stored.has(order.id))
  const orders = fresh.map(({ order }) => order)
  await recordChanges(
    tx,
    orders.map(({ id: orderId, sequence, state }) => ({
      orderId,
      sequence,
      act: 'create',
      state,
      actor: PLATFORM,
      at: now,
    })),
  )
  await putOrderTraces(
    tx,
    fresh.map(({ order, win }) => ({ orderId: order.id, traceparent: win.trace.traceparent })),
  )
  await setTimers(
    tx,
    orders.flatMap((order) =>
      timersOf(order, settings.limits, now).map((timer) => ({ ...timer, orderId: order.id })),
    ),
  )
  await writeOutbox(
    tx,
    fresh.map(({ order, win }) => orderEvent(order, { kind: 'created' }, now, win)),
  )
  const others = made.flatMap(({ order }) => (stored.has(order.id) ? [] : [order]))
  for (const { itemId, buyerId, purchaseId } of await findUnstored(tx, others)) {
    log.error({ itemId, buyerId, purchaseId }, 'win made no order')
    observe?.winWithoutOrder()
  }
}

function newOrder(win: Win, settings: OrderSettings, now: Date): Order {
  const { itemId, round, unit, buyerId, sellerId, source, currencyCode, amount, wonAt } = win
  const { purchaseId, reservedUntil } = win
  return {
    id: newId(),
    itemId,
    round,
    unit,
    sellerId,
    buyerId,
    source,
    purchaseId,
    reservedUntil,
    currencyCode,
    amount,
    premium: premiumOf(amount, settings.premiums.get(currencyCode)),
    deliveryFee: 0n,
    refundedTotal: 0n,
    state: 'pending_payment',
    resumeState: null,
    cancelReason: null,
    wonAt,
    ...(reservedUntil === null
      ? dueDates(wonAt, now, settings.limits)
      : { dueAt: reservedUntil, cancelAt: reservedUntil }),
    claimedBy: null,
    paidBy: null,
    remindersSent: 0,
    delivery: null,
    chargeback: null,
    chargebackAmount: null,
    refundTarget: null,
    timeLeftSeconds: null,
    sequence: 1,
  }
}
