import {
  type CancelReason,
  type Delivery,
  isUnpaid,
  leftOf,
  type Order,
  type OrderState,
  type ResumeState,
  totalOf,
} from './order.ts'

/** Something that is to happen to an order. */
export type Act =
  | { readonly kind: 'pay'; readonly paymentId: string }
  /** The n-th reminder; after an outage some before it were never sent. */
  | { readonly kind: 'remind'; readonly n: number }
  | { readonly kind: 'fall_due' }
  | { readonly kind: 'cancel'; readonly reason: CancelReason }
  | { readonly kind: 'prepare' | 'ship' | 'deliver' | 'collect' | 'complete' }
  /** `timeLeftSeconds`: until time would have done the next thing; null: it does nothing in this state. */
  | { readonly kind: 'dispute'; readonly timeLeftSeconds: number | null }
  | { readonly kind: 'resolve'; readonly resolution: 'seller' }
  /** `refund`: so much more is given back. */
  | { readonly kind: 'resolve'; readonly resolution: 'buyer'; readonly refund: bigint }
  /** `refundedTotal`: all that this payment has given back so far. */
  | { readonly kind: 'refund'; readonly paymentId: string; readonly refundedTotal: bigint }
  /** A moderator ends the wait for a refund that payment cannot give. */
  | { readonly kind: 'settle_refund'; readonly outcome: RefundOutcome }
  | {
      readonly kind: 'choose_delivery'
      readonly delivery: Delivery
      /** The way is the same, and where to is not. */
      readonly isOtherAddress: boolean
    }
  | {
      readonly kind: 'chargeback'
      readonly paymentId: string
      readonly phase: 'opened' | 'won' | 'lost'
      readonly amount: bigint
    }
  | { readonly kind: 'reopen'; readonly dueAt: Date; readonly cancelAt: Date }
  /** It is not reopened with its next number, which is used up so. */
  | { readonly kind: 'give_up_reopening' }
  /** The lot that was reserved for it is the buyer's now. */
  | { readonly kind: 'secure'; readonly dueAt: Date; readonly cancelAt: Date }

export type ActKind = Act['kind']

/** `refunded`: the buyer got it in another way; `resumed`: the order goes on without it. */
export const REFUND_OUTCOMES = ['refunded', 'resumed'] as const
export type RefundOutcome = (typeof REFUND_OUTCOMES)[number]

export type Refusal =
  /** The order is in a state from which this does not follow. */
  | 'state'
  /** A payment of it is being captured, and whether it is paid is not known yet. */
  | 'claimed'
  /** Another payment has paid it or has claimed it. */
  | 'other_payment'
  /** The lot is reserved for the buyer, whose time to pay is not over. */
  | 'reserved'
  /** It is collected, so nothing is shipped; or the other way round. */
  | 'delivery'
  /** The buyer has not said how to get it, so no one knows where to send it. */
  | 'delivery_not_chosen'
  /** The buyer's bank has taken the money back, for good or until it decides. */
  | 'chargeback'
  /** More than was paid. */
  | 'refund_too_large'

export type Change =
  | { readonly outcome: 'changed'; readonly order: Order }
  /** It has happened already. */
  | { readonly outcome: 'unchanged' }
  | { readonly outcome: 'refused'; readonly reason: Refusal }

/** From which states an act leads to which; acts that are absent have rules of their own below. */
const STEPS = {
  prepare: { from: ['paid'], to: 'preparing' },
  ship: { from: ['paid', 'preparing'], to: 'shipped' },
  deliver: { from: ['shipped'], to: 'delivered' },
  collect: { from: ['paid', 'preparing'], to: 'collected' },
  complete: { from: ['delivered', 'collected'], to: 'completed' },
} as const satisfies Partial<Record<ActKind, { from: readonly OrderState[]; to: OrderState }>>

const DISPUTABLE: readonly OrderState[] = ['paid', 'preparing', 'shipped', 'delivered']

/** Decides one act (R-ORDER-1). Pure: the caller holds the order's lock and stores what comes out. */
export function changeOrder(order: Order, act: Act): Change {
  switch (act.kind) {
    case 'pay':
      return pay(order, act.paymentId)
    case 'remind':
      if (order.state !== 'pending_payment') return refused('state')
      if (order.claimedBy !== null) return refused('claimed')
      return act.n <= order.remindersSent
        ? { outcome: 'unchanged' }
        : moved(order, { remindersSent: act.n })
    case 'fall_due':
      if (order.state !== 'pending_payment') return refused('state')
      return order.claimedBy === null ? moved(order, { state: 'overdue' }) : refused('claimed')
    case 'cancel':
      return cancel(order, act.reason)
    case 'prepare':
    case 'ship':
    case 'deliver':
    case 'collect':
    case 'complete':
      return step(order, act.kind)
    case 'dispute':
      if (!DISPUTABLE.includes(order.state)) return refused('state')
      return moved(order, {
        state: 'disputed',
        resumeState: order.state as ResumeState,
        timeLeftSeconds: act.timeLeftSeconds,
      })
    case 'resolve':
      return resolve(order, act)
    case 'refund':
      return refund(order, act)
    case 'settle_refund':
      if (order.state !== 'refund_pending') return refused('state')
      return moved(order, act.outcome === 'refunded' ? REFUNDED : resumed(order))
    case 'choose_delivery':
      if (!isUnpaid(order) && order.state !== 'paid') return refused('state')
      if (order.delivery === act.delivery && !act.isOtherAddress) return { outcome: 'unchanged' }
      return moved(order, { delivery: act.delivery })
    case 'chargeback':
      return chargeback(order, act)
    case 'reopen':
      return reopen(order, act)
    case 'give_up_reopening':
      return order.state === 'cancelled' ? moved(order, {}) : refused('state')
    case 'secure':
      if (order.reservedUntil === null) return { outcome: 'unchanged' }
      return secure(order, act)
  }
}

function pay(order: Order, paymentId: string): Change {
  if (order.paidBy !== null)
    return order.paidBy === paymentId ? { outcome: 'unchanged' } : refused('other_payment')
  if (!isUnpaid(order)) return refused('state')
  if (order.claimedBy !== null && order.claimedBy !== paymentId) return refused('other_payment')
  return moved(order, { state: 'paid', paidBy: paymentId, claimedBy: null })
}

function cancel(order: Order, reason: CancelReason): Change {
  if (!isUnpaid(order)) return refused('state')
  // Time cancels only what was overdue first, so every buyer is notified before it happens.
  if (reason === 'unpaid' && order.state !== 'overdue') return refused('state')
  if (order.claimedBy !== null) return refused('claimed')
  // Or a seller would free a lot that a buyer is about to pay. Both of them together may.
  if (reason === 'seller' && order.reservedUntil !== null) return refused('reserved')
  if (reason === 'buy_now_released' && order.reservedUntil === null) return refused('state')
  return moved(order, { state: 'cancelled', cancelReason: reason })
}

function step(order: Order, kind: keyof typeof STEPS): Change {
  const { from, to }: { from: readonly OrderState[]; to: OrderState } = STEPS[kind]
  if (!from.includes(order.state)) return refused('state')
  if (kind === 'complete' && order.chargeback === 'opened') return refused('chargeback')
  const isSent = kind === 'prepare' || kind === 'ship'
  if (isSent && order.delivery === null) return refused('delivery_not_chosen')
  if (kind === 'ship' && order.delivery === 'collection') return refused('delivery')
  if (kind === 'collect' && order.delivery !== 'collection') return refused('delivery')
  return moved(order, { state: to, timeLeftSeconds: null })
}

/** While the bank has the money, or for good, a decision for the buyer would give it back twice. */
function resolve(order: Order, act: Extract<Act, { kind: 'resolve' }>): Change {
  if (order.state !== 'disputed') return refused('state')
  if (act.resolution === 'seller') return moved(order, resumed(order))
  if (order.chargeback === 'opened' || order.chargeback === 'lost') return refused('chargeback')
  if (act.refund > leftOf(order)) return refused('refund_too_large')
  return moved(order, {
    state: 'refund_pending',
    refundTarget: order.refundedTotal + act.refund,
  })
}

/**
 * What is given back in part leaves the order where it was; all of it ends the order, and so does all that a bank
 * left of it. One that waits for what was decided goes on once that much was given back in all.
 */
function refund(
  order: Order,
  {
    paymentId,
    refundedTotal,
  }: Pick<Extract<Act, { kind: 'refund' }>, 'paymentId' | 'refundedTotal'>,
): Change {
  if (order.paidBy === null) return refused('state')
  if (order.paidBy !== paymentId) return refused('other_payment')
  if (refundedTotal > totalOf(order)) return refused('refund_too_large')
  if (refundedTotal <= order.refundedTotal) return { outcome: 'unchanged' }
  // A completed order stays completed: its seller was owed the money, and what is given back is on record.
  if (order.state === 'completed') return moved(order, { refundedTotal })
  const lost = order.chargeback === 'lost' ? (order.chargebackAmount ?? 0n) : 0n
  if (refundedTotal + lost >= totalOf(order)) return moved(order, { refundedTotal, ...REFUNDED })
  const { refundTarget } = order
  const isEnough = refundTarget !== null && refundedTotal >= refundTarget
  return moved(order, { refundedTotal, ...(isEnough ? resumed(order) : {}) })
}

/**
 * A bank's decision: it is opened once, and what was decided is not opened again by a message that came late. All
 * that was left lost is all given back. When a part is lost, the seller has earned the rest of it.
 */
function chargeback(
  order: Order,
  { paymentId, phase, amount }: Extract<Act, { kind: 'chargeback' }>,
): Change {
  if (order.paidBy === null) return refused('state')
  if (order.paidBy !== paymentId) return refused('other_payment')
  if (order.chargeback === phase) return { outcome: 'unchanged' }
  if (phase === 'opened' && order.chargeback !== null) return { outcome: 'unchanged' }
  const isOver = order.state === 'completed' || order.state === 'refunded'
  const isAllLost = phase === 'lost' && amount >= leftOf(order) && !isOver
  return moved(order, {
    chargeback: phase,
    chargebackAmount: amount,
    ...(isAllLost ? REFUNDED : {}),
  })
}

/** A seller takes the buyer of an order that was not paid back. Its number of strikes does not rise again. */
function reopen(order: Order, { dueAt, cancelAt }: { dueAt: Date; cancelAt: Date }): Change {
  if (order.state !== 'cancelled' || order.cancelReason !== 'unpaid') return refused('state')
  return moved(order, { state: 'pending_payment', cancelReason: null, dueAt, cancelAt })
}

/** The end of a reservation may have been acted on before it was known that the lot was sold in time. */
function secure(order: Order, { dueAt, cancelAt }: { dueAt: Date; cancelAt: Date }): Change {
  const secured = { reservedUntil: null, dueAt, cancelAt }
  if (isUnpaid(order)) return moved(order, secured)
  if (order.cancelReason !== 'buy_now_released') return refused('state')
  return moved(order, { ...secured, state: 'pending_payment', cancelReason: null })
}

const resumed = ({ resumeState }: Order) => ({
  state: resumeState ?? ('paid' as const),
  resumeState: null,
  refundTarget: null,
})

const REFUNDED = { state: 'refunded', resumeState: null, refundTarget: null } as const

const refused = (reason: Refusal): Change => ({ outcome: 'refused', reason })

const moved = (order: Order, changes: Partial<Order>): Change => ({
  outcome: 'changed',
  order: { ...order, ...changes, sequence: order.sequence + 1 },
})
