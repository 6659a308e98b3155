import { Counter, type Registry } from 'prom-client'

const PAYOUTS = ['done', 'failed', 'returned'] as const
const REVERSALS = ['done', 'failed'] as const

export interface PayoutMetrics {
  payout(outcome: (typeof PAYOUTS)[number]): void
  reversal(outcome: (typeof REVERSALS)[number]): void
}

export function createPayoutMetrics(registry: Registry): PayoutMetrics {
  const counter = (name: string, help: string) =>
    new Counter({ name, help, labelNames: ['outcome'], registers: [registry] })
  const payouts = counter('payment_payouts_ended_total', 'Payouts to sellers, by outcome.')
  const reversals = counter(
    'payment_payout_reversals_total',
    'Money of payouts that was asked back of sellers, by outcome.',
  )
  // A counter that is not there before its first event has no rate for it.
  for (const outcome of PAYOUTS) payouts.inc({ outcome }, 0)
  for (const outcome of REVERSALS) reversals.inc({ outcome }, 0)
  return {
    payout: (outcome) => payouts.inc({ outcome }),
    reversal: (outcome) => reversals.inc({ outcome }),
  }
}
