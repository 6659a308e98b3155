import { Counter, Gauge, type Registry } from 'prom-client'
import type { ApprovalBacklog } from '#src/infra/postgres/approvals/approvals.ts'
import type { InvoiceBacklog } from '#src/infra/postgres/invoices/invoices.ts'
import type { SealBacklog } from '#src/infra/postgres/ledger/seals.ts'
import {
  type PayoutBacklog,
  type readPayableAges,
  WAIT_REASONS,
} from '#src/infra/postgres/payouts/payouts.ts'

export interface MoneyMetrics {
  sealed(count: number): void
  backlog(payouts: PayoutBacklog, seals: SealBacklog, invoices: InvoiceBacklog): void
  approvals(backlog: ApprovalBacklog): void
  payable(ages: Awaited<ReturnType<typeof readPayableAges>>): void
}

/** Seals of the ledger, payouts and invoices: how many, and how long the oldest one waits. */
export function createMoneyMetrics(registry: Registry, payoutIntervalMs: number): MoneyMetrics {
  const registers = [registry]
  const gauge = (name: string, help: string) => new Gauge({ name, help, registers })
  const sealed = new Counter({
    name: 'payment_ledger_sealed_total',
    help: 'Entries of the ledger that were sealed.',
    registers,
  })
  const unsealed = gauge(
    'payment_ledger_unsealed_seconds',
    'Age of the oldest entry of the ledger that has no seal.',
  )
  const due = gauge(
    'payment_payout_candidates_due',
    'Sellers who are due to be looked at for a payout.',
  )
  const open = gauge('payment_payouts_open', 'Payouts that are planned and not decided.')
  const unknown = gauge(
    'payment_payouts_unknown',
    'Payouts of which it is not known whether they were paid.',
  )
  const oldest = gauge('payment_payout_oldest_seconds', 'Age of the oldest payout not decided.')
  const unknownReversals = gauge(
    'payment_payout_reversals_unknown',
    'Money of payouts of which it is not known whether it came back.',
  )
  const withoutAccount = gauge(
    'payment_sellers_without_account',
    'Sellers to whom something is payable, and whom no one can pay.',
  )
  const uninvoiced = gauge(
    'payment_uninvoiced_seconds',
    'Age of the oldest entry of the ledger of which no invoice was issued yet.',
  )
  const unrendered = gauge('payment_invoices_unrendered', 'Invoices without a document.')
  const payable = new Gauge({
    name: 'payment_payable_oldest_seconds',
    help: 'For how long the oldest money that is payable to a seller is not paid out, by what it waits for.',
    labelNames: ['waits_for'],
    registers,
  })
  const reasons = ['nothing', ...WAIT_REASONS]
  for (const reason of reasons) payable.set({ waits_for: reason }, 0)
  gauge(
    'payment_payout_interval_seconds',
    'Time between two payouts of one seller, as it is set.',
  ).set(payoutIntervalMs / 1_000)
  const openApprovals = gauge(
    'payment_approvals_open',
    'Requests that wait for the approval of a second operator.',
  )
  const oldestApproval = gauge(
    'payment_approval_oldest_seconds',
    'Age of the oldest request that waits for a second operator.',
  )
  return {
    approvals({ open, oldestSeconds }) {
      openApprovals.set(open)
      oldestApproval.set(oldestSeconds)
    },
    payable(ages) {
      for (const reason of reasons) {
        const age = ages.find(({ waitsFor }) => waitsFor === reason)
        payable.set({ waits_for: reason }, age?.seconds ?? 0)
      }
    },
    sealed: (count) => sealed.inc(count),
    backlog(payouts, seals, invoices) {
      uninvoiced.set(invoices.oldestSeconds)
      unrendered.set(invoices.unrendered)
      due.set(payouts.dueCandidates)
      open.set(payouts.open)
      unknown.set(payouts.unknown)
      oldest.set(payouts.oldestOpenSeconds)
      unknownReversals.set(payouts.unknownReversals)
      withoutAccount.set(payouts.withoutAccount)
      unsealed.set(seals.oldestSeconds)
    },
  }
}
