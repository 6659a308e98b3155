import t from 'tap'
import { type Act, changeOrder } from '#src/domain/change-order.ts'
import {
  CANCEL_REASONS,
  type CancelReason,
  isUnpaid,
  ORDER_STATES,
  type Order,
  type OrderState,
} from '#src/domain/order.ts'
import { order } from './orders.ts'

const PAYMENT = '0198c0de-0000-7000-8000-00000000000a'
const OTHER = '0198c0de-0000-7000-8000-00000000000b'
const LATER = {
  dueAt: new Date('2026-03-20T00:00:00Z'),
  cancelAt: new Date('2026-03-22T00:00:00Z'),
}

/** An order in a state, whole as the database would have it. */
function inState(state: OrderState, changes: Partial<Order> = {}): Order {
  const isPaid = !isUnpaid({ state }) && state !== 'cancelled'
  return order({
    state,
    paidBy: isPaid ? PAYMENT : null,
    delivery: isPaid ? 'shipping' : null,
    refundTarget: state === 'refund_pending' ? 500n : null,
    resumeState: state === 'disputed' || state === 'refund_pending' ? 'shipped' : null,
    cancelReason: state === 'cancelled' ? 'unpaid' : null,
    ...changes,
  })
}

function chargeback(phase: 'opened' | 'won' | 'lost', amount: bigint, paymentId = PAYMENT): Act {
  return { kind: 'chargeback', paymentId, phase, amount }
}

/** What an act makes of an order: the new state, `unchanged`, or why it is refused. */
function result(from: Order, act: Act): string {
  const change = changeOrder(from, act)
  if (change.outcome === 'refused') return `refused: ${change.reason}`
  return change.outcome === 'unchanged' ? 'unchanged' : change.order.state
}

const ACTS: Readonly<Record<string, Act>> = {
  pay: { kind: 'pay', paymentId: OTHER },
  remind: { kind: 'remind', n: 1 },
  'fall due': { kind: 'fall_due' },
  'cancel, unpaid': { kind: 'cancel', reason: 'unpaid' },
  'cancel, mutual': { kind: 'cancel', reason: 'mutual' },
  prepare: { kind: 'prepare' },
  ship: { kind: 'ship' },
  deliver: { kind: 'deliver' },
  complete: { kind: 'complete' },
  dispute: { kind: 'dispute', timeLeftSeconds: null },
  'resolve for the seller': { kind: 'resolve', resolution: 'seller' },
  'resolve for the buyer': { kind: 'resolve', resolution: 'buyer', refund: 500n },
  'refund a part': { kind: 'refund', paymentId: PAYMENT, refundedTotal: 500n },
  'refund all': { kind: 'refund', paymentId: PAYMENT, refundedTotal: 2_000n },
  'choose delivery': { kind: 'choose_delivery', delivery: 'shipping', isOtherAddress: true },
  'open a chargeback': chargeback('opened', 2_000n),
  'win a chargeback': chargeback('won', 2_000n),
  'lose a part': chargeback('lost', 500n),
  'lose all': chargeback('lost', 2_000n),
  'settle as refunded': { kind: 'settle_refund', outcome: 'refunded' },
  'settle as resumed': { kind: 'settle_refund', outcome: 'resumed' },
  reopen: { kind: 'reopen', ...LATER },
}

// What is not in here is refused for the state. The whole machine of R-ORDER-1.
const ALLOWED: Readonly<Record<OrderState, Readonly<Record<string, string>>>> = {
  pending_payment: {
    pay: 'paid',
    remind: 'pending_payment',
    'fall due': 'overdue',
    'cancel, mutual': 'cancelled',
    'choose delivery': 'pending_payment',
  },
  overdue: {
    pay: 'paid',
    'cancel, unpaid': 'cancelled',
    'cancel, mutual': 'cancelled',
    'choose delivery': 'overdue',
  },
  paid: {
    pay: 'refused: other_payment',
    'open a chargeback': 'paid',
    'win a chargeback': 'paid',
    'lose a part': 'paid',
    'lose all': 'refunded',
    prepare: 'preparing',
    'choose delivery': 'paid',
    ship: 'shipped',
    dispute: 'disputed',
    'refund a part': 'paid',
    'refund all': 'refunded',
  },
  preparing: {
    pay: 'refused: other_payment',
    'open a chargeback': 'preparing',
    'win a chargeback': 'preparing',
    'lose a part': 'preparing',
    'lose all': 'refunded',
    ship: 'shipped',
    dispute: 'disputed',
    'refund a part': 'preparing',
    'refund all': 'refunded',
  },
  shipped: {
    pay: 'refused: other_payment',
    'open a chargeback': 'shipped',
    'win a chargeback': 'shipped',
    'lose a part': 'shipped',
    'lose all': 'refunded',
    deliver: 'delivered',
    dispute: 'disputed',
    'refund a part': 'shipped',
    'refund all': 'refunded',
  },
  delivered: {
    pay: 'refused: other_payment',
    'open a chargeback': 'delivered',
    'win a chargeback': 'delivered',
    'lose a part': 'delivered',
    'lose all': 'refunded',
    complete: 'completed',
    dispute: 'disputed',
    'refund a part': 'delivered',
    'refund all': 'refunded',
  },
  collected: {
    pay: 'refused: other_payment',
    'open a chargeback': 'collected',
    'win a chargeback': 'collected',
    'lose a part': 'collected',
    'lose all': 'refunded',
    complete: 'completed',
    'refund a part': 'collected',
    'refund all': 'refunded',
  },
  completed: {
    pay: 'refused: other_payment',
    'open a chargeback': 'completed',
    'win a chargeback': 'completed',
    'lose a part': 'completed',
    'lose all': 'completed',
    'refund a part': 'completed',
    'refund all': 'completed',
  },
  disputed: {
    pay: 'refused: other_payment',
    'open a chargeback': 'disputed',
    'win a chargeback': 'disputed',
    'lose a part': 'disputed',
    'lose all': 'refunded',
    'resolve for the seller': 'shipped',
    'resolve for the buyer': 'refund_pending',
    'refund a part': 'disputed',
    'refund all': 'refunded',
  },
  refund_pending: {
    pay: 'refused: other_payment',
    'open a chargeback': 'refund_pending',
    'win a chargeback': 'refund_pending',
    'lose a part': 'refund_pending',
    'lose all': 'refunded',
    'refund a part': 'shipped',
    'refund all': 'refunded',
    'settle as refunded': 'refunded',
    'settle as resumed': 'shipped',
  },
  refunded: {
    pay: 'refused: other_payment',
    'open a chargeback': 'refunded',
    'win a chargeback': 'refunded',
    'lose a part': 'refunded',
    'lose all': 'refunded',
    'refund a part': 'refunded',
    'refund all': 'refunded',
  },
  cancelled: { reopen: 'pending_payment' },
}

t.test('an order moves along its states and in no other way', (t) => {
  for (const state of ORDER_STATES) {
    for (const [name, act] of Object.entries(ACTS)) {
      const expected = ALLOWED[state][name] ?? 'refused: state'
      t.equal(result(inState(state), act), expected, `${state}: ${name}`)
    }
  }
  t.end()
})

t.test('whatever happens to a whole order, it stays whole and its sequence counts it once', (t) => {
  for (const state of ORDER_STATES) {
    for (const [name, act] of Object.entries(ACTS)) {
      const before = inState(state)
      const change = changeOrder(before, act)
      if (change.outcome !== 'changed') continue
      const { order: after } = change
      t.equal(after.sequence, before.sequence + 1, `${state}: ${name}`)
      t.equal(
        after.paidBy === null,
        isUnpaid(after) || after.state === 'cancelled',
        `${state}: ${name}: a payment`,
      )
      t.equal(
        after.cancelReason !== null,
        after.state === 'cancelled',
        `${state}: ${name}: a reason`,
      )
      const mayResume = after.state === 'disputed' || after.state === 'refund_pending'
      t.equal(after.resumeState !== null, mayResume, `${state}: ${name}: where it goes on`)
      t.equal(
        after.refundTarget !== null,
        after.state === 'refund_pending',
        `${state}: ${name}: what is waited for`,
      )
    }
  }
  t.end()
})

t.test('an order that a payment has claimed is cancelled by neither time nor people', (t) => {
  for (const state of ['pending_payment', 'overdue'] as const) {
    const claimed = inState(state, { claimedBy: PAYMENT })
    const reasons = CANCEL_REASONS.filter(
      (reason: CancelReason) => reason !== 'unpaid' || state === 'overdue',
    )
    for (const reason of reasons)
      t.equal(
        result(claimed, { kind: 'cancel', reason }),
        'refused: claimed',
        `${state}: ${reason}`,
      )
    t.equal(result(claimed, { kind: 'pay', paymentId: OTHER }), 'refused: other_payment')
    t.equal(result(claimed, { kind: 'pay', paymentId: PAYMENT }), 'paid')
  }
  const claimed = inState('pending_payment', { claimedBy: PAYMENT })
  t.equal(result(claimed, { kind: 'fall_due' }), 'refused: claimed')
  t.equal(result(claimed, { kind: 'remind', n: 1 }), 'refused: claimed')
  t.end()
})

t.test('the payment that has paid an order pays it again without effect', (t) => {
  for (const state of ORDER_STATES.filter(
    (one) => !isUnpaid({ state: one }) && one !== 'cancelled',
  ))
    t.equal(result(inState(state), { kind: 'pay', paymentId: PAYMENT }), 'unchanged', state)
  t.end()
})

t.test(
  'only the order of a reserved lot is released, and from the sale on it is as others',
  (t) => {
    const reserved = inState('pending_payment', {
      purchaseId: '0198c0de-0000-7000-8000-000000000009',
      reservedUntil: new Date('2026-03-01T12:10:00Z'),
    })
    const released = { kind: 'cancel', reason: 'buy_now_released' } as const
    t.equal(result(reserved, released), 'cancelled')
    t.equal(result({ ...reserved, claimedBy: 'payment' }, released), 'refused: claimed')
    const change = changeOrder(reserved, { kind: 'secure', ...LATER })
    if (change.outcome !== 'changed') throw new Error(change.outcome)
    t.match(change.order, { state: 'pending_payment', reservedUntil: null, ...LATER })
    t.equal(result(change.order, released), 'refused: state')
    t.equal(result(change.order, { kind: 'secure', ...LATER }), 'unchanged')
    const bySeller = { kind: 'cancel', reason: 'seller' } as const
    t.equal(result(reserved, bySeller), 'refused: reserved')
    t.equal(result(change.order, bySeller), 'cancelled')
    for (const cancelReason of CANCEL_REASONS) {
      const ended = { ...reserved, state: 'cancelled', cancelReason } as const
      const expected = cancelReason === 'buy_now_released' ? 'pending_payment' : 'refused: state'
      t.equal(result(ended, { kind: 'secure', ...LATER }), expected, cancelReason)
    }
    t.end()
  },
)

t.test('only a buyer who did not pay can be taken back', (t) => {
  for (const reason of CANCEL_REASONS) {
    const cancelled = inState('cancelled', { cancelReason: reason })
    const expected = reason === 'unpaid' ? 'pending_payment' : 'refused: state'
    t.equal(result(cancelled, { kind: 'reopen', ...LATER }), expected, reason)
  }
  t.end()
})

t.test('what is collected is not shipped, and the other way round', (t) => {
  for (const state of ['paid', 'preparing'] as const) {
    const collection = inState(state, { delivery: 'collection' })
    t.equal(result(collection, { kind: 'ship' }), 'refused: delivery')
    t.equal(result(collection, { kind: 'collect' }), 'collected')
    for (const delivery of ['shipping', null] as const)
      t.equal(result(inState(state, { delivery }), { kind: 'collect' }), 'refused: delivery')
  }
  t.end()
})

t.test('refunds only grow, and never beyond what was paid', (t) => {
  const paid = inState('paid', { refundedTotal: 700n })
  t.equal(result(paid, { kind: 'refund', paymentId: PAYMENT, refundedTotal: 700n }), 'unchanged')
  t.equal(result(paid, { kind: 'refund', paymentId: PAYMENT, refundedTotal: 500n }), 'unchanged')
  t.equal(
    result(paid, { kind: 'refund', paymentId: PAYMENT, refundedTotal: 2_001n }),
    'refused: refund_too_large',
  )
  t.equal(result(paid, { kind: 'refund', paymentId: PAYMENT, refundedTotal: 2_000n }), 'refunded')
  t.end()
})

t.test('reminders count up, and none is sent twice', (t) => {
  const reminded = inState('pending_payment', { remindersSent: 2 })
  t.equal(result(reminded, { kind: 'remind', n: 2 }), 'unchanged')
  t.equal(result(reminded, { kind: 'remind', n: 3 }), 'pending_payment')
  t.end()
})

t.test('a chargeback is opened once, and a message that comes late opens none', (t) => {
  const open = chargeback('opened', 2_000n)
  for (const phase of ['opened', 'won', 'lost'] as const)
    t.equal(result(inState('shipped', { chargeback: phase }), open), 'unchanged', phase)
  const delivered = inState('delivered', { chargeback: 'opened' })
  t.equal(result(delivered, { kind: 'complete' }), 'refused: chargeback')
  t.end()
})

t.test(
  'an order that waits for a refund goes on when as much was given back, and not before',
  (t) => {
    const disputed = inState('disputed', { refundedTotal: 100n })
    const decided = changeOrder(disputed, { kind: 'resolve', resolution: 'buyer', refund: 900n })
    if (decided.outcome !== 'changed') throw new Error('the decision is refused')
    const refund = (refundedTotal: bigint) =>
      result(decided.order, { kind: 'refund', paymentId: PAYMENT, refundedTotal })
    t.equal(decided.order.refundTarget, 1_000n)
    t.equal(refund(999n), 'refund_pending')
    t.equal(refund(1_000n), 'shipped')
    t.equal(refund(2_000n), 'refunded')
    const all = { kind: 'resolve', resolution: 'buyer', refund: 1_901n } as const
    t.equal(result(disputed, all), 'refused: refund_too_large')
    t.end()
  },
)

t.test('what the bank took back, or may, is not given back a second time', (t) => {
  const decision = { kind: 'resolve', resolution: 'buyer', refund: 500n } as const
  for (const phase of ['opened', 'lost'] as const)
    t.equal(result(inState('disputed', { chargeback: phase }), decision), 'refused: chargeback')
  t.equal(result(inState('disputed', { chargeback: 'won' }), decision), 'refund_pending')
  const seller = { kind: 'resolve', resolution: 'seller' } as const
  t.equal(result(inState('disputed', { chargeback: 'lost' }), seller), 'shipped')
  const refunded = inState('shipped', { refundedTotal: 700n })
  t.equal(result(refunded, chargeback('lost', 1_299n)), 'shipped')
  t.equal(result(refunded, chargeback('lost', 1_300n)), 'refunded', 'all that was left')
  const lostInPart = inState('shipped', { chargeback: 'lost', chargebackAmount: 1_300n })
  const refund = (refundedTotal: bigint) =>
    result(lostInPart, { kind: 'refund', paymentId: PAYMENT, refundedTotal })
  t.equal(refund(699n), 'shipped')
  t.equal(refund(700n), 'refunded', 'the same in the other order')
  t.end()
})

t.test('money of another payment is not about this order', (t) => {
  for (const state of ['paid', 'shipped', 'disputed', 'refund_pending', 'completed'] as const) {
    const refund = { kind: 'refund', paymentId: OTHER, refundedTotal: 2_000n } as const
    t.equal(result(inState(state), refund), 'refused: other_payment', state)
    t.equal(result(inState(state), chargeback('lost', 2_000n, OTHER)), 'refused: other_payment')
  }
  t.end()
})

t.test('nothing is prepared or shipped before the buyer has said how to get it', (t) => {
  const open = inState('paid', { delivery: null })
  for (const kind of ['prepare', 'ship'] as const)
    t.equal(result(open, { kind }), 'refused: delivery_not_chosen')
  t.equal(
    result(inState('preparing', { delivery: null }), { kind: 'ship' }),
    'refused: delivery_not_chosen',
  )
  t.end()
})

t.test('the same delivery again is no change', (t) => {
  const same = { kind: 'choose_delivery', delivery: 'shipping', isOtherAddress: false } as const
  t.equal(result(inState('paid'), same), 'unchanged')
  t.equal(result(inState('paid', { delivery: 'collection' }), same), 'paid')
  t.end()
})
