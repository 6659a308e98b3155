import { Counter, Gauge, type Registry } from 'prom-client'
import { FINAL_STATES, ORDER_STATES, type OrderState } from '#src/domain/order.ts'
import { TIMER_KINDS } from '#src/domain/order-timers.ts'
import type { OrderCounts } from '#src/infra/postgres/metrics/order-counts.ts'

export interface OrderMetrics {
  counts(counts: OrderCounts): void
  timerLag(seconds: number): void
  timerRan(kind: string, outcome: string): void
  paymentUnwanted(reason: string): void
  winWithoutOrder(): void
}

const OPEN_STATES = ORDER_STATES.filter(
  (state: OrderState) => !(FINAL_STATES as readonly OrderState[]).includes(state),
)

/** Orders by state, how late timers are, and what operators must look at. */
export function createOrderMetrics(registry: Registry): OrderMetrics {
  const registers = [registry]
  const orders = new Gauge({
    name: 'order_open_orders',
    help: 'Orders that are not over, by state.',
    labelNames: ['state'],
    registers,
  })
  const claim = new Gauge({
    name: 'order_claim_age_seconds',
    help: 'Since when the longest claimed order is claimed by a payment; 0 when none is.',
    registers,
  })
  const refund = new Gauge({
    name: 'order_refund_age_seconds',
    help: 'Since when the refund that an order waits for longest was decided; 0 when none is waited for.',
    registers,
  })
  const lag = new Gauge({
    name: 'order_timer_lag_seconds',
    help: 'By how much the timer that waits longest is late.',
    registers,
  })
  const timers = new Counter({
    name: 'order_timers_total',
    help: 'Timers that ran, by kind and outcome: changed, unchanged, refused or failed.',
    labelNames: ['kind', 'outcome'],
    registers,
  })
  const unwanted = new Counter({
    name: 'order_payments_unwanted_total',
    help: 'Payments of orders that did not take them, and what became of such, by reason.',
    labelNames: ['reason'],
    registers,
  })
  const withoutOrder = new Counter({
    name: 'order_wins_without_order_total',
    help: 'Wins and purchases that made no order, because the buyer has another one of the same lot.',
    registers,
  })
  // Known from the start, so that the first one of a bad day is already an increase.
  for (const kind of TIMER_KINDS) {
    timers.inc({ kind, outcome: 'changed' }, 0)
    timers.inc({ kind, outcome: 'failed' }, 0)
  }
  for (const reason of ['state', 'other_payment', 'refund', 'chargeback'])
    unwanted.inc({ reason }, 0)
  return {
    counts({ byState, claimAgeSeconds, refundAgeSeconds }) {
      for (const state of OPEN_STATES)
        orders.set({ state }, byState.find((row) => row.state === state)?.count ?? 0)
      claim.set(claimAgeSeconds)
      refund.set(refundAgeSeconds)
    },
    timerLag: (seconds) => lag.set(seconds),
    timerRan: (kind, outcome) => timers.inc({ kind, outcome }),
    winWithoutOrder: () => withoutOrder.inc(),
    paymentUnwanted: (reason) => unwanted.inc({ reason }),
  }
}
