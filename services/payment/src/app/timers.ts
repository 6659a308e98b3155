import type { Logger } from '@auction/common/process/logger.ts'
import type { Timer } from '@auction/common/process/repeat.ts'
import type { Kysely } from 'kysely'
import { issueInvoices, renderInvoices } from '#src/app/invoices/issue-invoices.ts'
import { sealEntries } from '#src/app/ledger/seal-entries.ts'
import { lookAtAccounts } from '#src/app/payouts/look-at-accounts.ts'
import type { PayoutMetrics } from '#src/app/payouts/payout-metrics.ts'
import { type PayoutRules, planPayouts } from '#src/app/payouts/plan-payouts.ts'
import { checkPaid, reversePayouts } from '#src/app/payouts/reverse-payouts.ts'
import { sendPayouts } from '#src/app/payouts/send-payouts.ts'
import type { Issuer } from '#src/domain/invoice.ts'
import type { PayoutProvider } from '#src/domain/payout.ts'
import { expireApprovals, readApprovalBacklog } from '#src/infra/postgres/approvals/approvals.ts'
import { readInvoiceBacklog } from '#src/infra/postgres/invoices/invoices.ts'
import { readSealBacklog } from '#src/infra/postgres/ledger/seals.ts'
import { readPayableAges, readPayoutBacklog } from '#src/infra/postgres/payouts/payouts.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import type { MoneyMetrics } from './metrics.ts'

export interface TimerDependencies {
  db: Kysely<Database>
  log: Logger
  metrics: MoneyMetrics
  payoutMetrics: PayoutMetrics
  payoutRules: PayoutRules
  /** Who pays sellers out; sellers of others wait, those by hand for a person. */
  payoutProviders: readonly PayoutProvider[]
  issuer: Issuer
}

const SEAL_INTERVAL_MS = 1_000
const PAYOUT_INTERVAL_MS = 10_000
const ACCOUNT_INTERVAL_MS = 5_000
const INVOICE_INTERVAL_MS = 5_000
const APPROVAL_INTERVAL_MS = 15_000
const BACKLOG_INTERVAL_MS = 15_000

/** What the payment worker repeats: sealing the ledger, payouts, invoices, ending what no one approved, and measuring them. */
export function createTimers(dependencies: TimerDependencies): Timer[] {
  const { db, log, metrics, payoutRules, payoutProviders: providers, issuer } = dependencies
  const payouts = { db, log, providers, metrics: dependencies.payoutMetrics }
  return [
    {
      name: 'seals of the ledger',
      intervalMs: SEAL_INTERVAL_MS,
      async run() {
        metrics.sealed(await sealEntries(db))
      },
    },
    {
      name: 'payouts',
      intervalMs: PAYOUT_INTERVAL_MS,
      async run() {
        await planPayouts(db, payoutRules)
        await sendPayouts(payouts)
        await reversePayouts(payouts)
      },
    },
    {
      // Apart from the others: after a pause of days it has much to look at.
      name: 'payouts that were paid',
      intervalMs: PAYOUT_INTERVAL_MS,
      async run(stopping) {
        await checkPaid(payouts, stopping)
      },
    },
    {
      name: 'accounts of sellers',
      intervalMs: ACCOUNT_INTERVAL_MS,
      async run() {
        await lookAtAccounts(payouts)
      },
    },
    {
      name: 'invoices',
      intervalMs: INVOICE_INTERVAL_MS,
      async run() {
        await issueInvoices(db, issuer)
        await renderInvoices(db)
      },
    },
    {
      name: 'approvals',
      intervalMs: APPROVAL_INTERVAL_MS,
      async run() {
        await expireApprovals(db)
      },
    },
    {
      name: 'backlog of money',
      intervalMs: BACKLOG_INTERVAL_MS,
      async run() {
        metrics.backlog(
          await readPayoutBacklog(db),
          await readSealBacklog(db),
          await readInvoiceBacklog(db),
        )
        metrics.approvals(await readApprovalBacklog(db))
        metrics.payable(await readPayableAges(db))
      },
    },
  ]
}
