import { Counter, type Registry } from 'prom-client'
import type { ProviderProblem } from '#src/domain/provider.ts'

const ENDINGS = ['captured', 'failed', 'expired', 'cancelled', 'mismatch'] as const
const REPORTS = ['taken', 'known', 'orphan', 'ignored', 'refused'] as const

const DEPOSIT_ENDINGS = [
  'captured',
  'returned',
  'released',
  'expired',
  'failed',
  'mismatch',
] as const

export interface PaymentMetrics {
  begun(): void
  ended(outcome: (typeof ENDINGS)[number]): void
  problem(operation: string, problem: ProviderProblem): void
  claimRefused(): void
  retried(): void
  webhook(outcome: (typeof REPORTS)[number]): void
  refundAsked(): void
  depositBegun(): void
  depositEnded(outcome: (typeof DEPOSIT_ENDINGS)[number]): void
}

export function createPaymentMetrics(registry: Registry): PaymentMetrics {
  const registers = [registry]
  const begun = new Counter({
    name: 'payment_begun_total',
    help: 'Payments that buyers began.',
    registers,
  })
  const ended = new Counter({
    name: 'payment_ended_total',
    help: 'Payments that ended, by outcome.',
    labelNames: ['outcome'],
    registers,
  })
  const problems = new Counter({
    name: 'payment_provider_problems_total',
    help: 'Requests to providers that were refused or not answered clearly.',
    labelNames: ['operation', 'problem'],
    registers,
  })
  const refusedClaims = new Counter({
    name: 'payment_claims_refused_total',
    help: 'Held payments that no order wanted any more.',
    registers,
  })
  const retried = new Counter({
    name: 'payment_retries_total',
    help: 'Looks at payments that failed and are repeated.',
    registers,
  })
  const webhooks = new Counter({
    name: 'payment_webhooks_total',
    help: 'Reports of providers, by what became of them.',
    labelNames: ['outcome'],
    registers,
  })
  const refunds = new Counter({
    name: 'payment_refunds_asked_total',
    help: 'Refunds that were decided.',
    registers,
  })
  const deposits = new Counter({
    name: 'payment_deposits_begun_total',
    help: 'Deposits that bidders began to have held.',
    registers,
  })
  const endedDeposits = new Counter({
    name: 'payment_deposits_ended_total',
    help: 'Deposits that ended, by outcome.',
    labelNames: ['outcome'],
    registers,
  })
  // A counter that is not there before its first event has no rate for it.
  for (const outcome of ENDINGS) ended.inc({ outcome }, 0)
  for (const outcome of DEPOSIT_ENDINGS) endedDeposits.inc({ outcome }, 0)
  for (const outcome of REPORTS) webhooks.inc({ outcome }, 0)
  problems.inc({ operation: 'begin', problem: 'unclear' }, 0)
  return {
    begun: () => begun.inc(),
    ended: (outcome) => ended.inc({ outcome }),
    problem: (operation, problem) => problems.inc({ operation, problem }),
    claimRefused: () => refusedClaims.inc(),
    retried: () => retried.inc(),
    webhook: (outcome) => webhooks.inc({ outcome }),
    refundAsked: () => refunds.inc(),
    depositBegun: () => deposits.inc(),
    depositEnded: (outcome) => endedDeposits.inc({ outcome }),
  }
}
