import type { Kysely, Transaction } from 'kysely'
import {
  addCommissionRate,
  addTaxRate,
  type RateCommand,
  type TaxRateCommand,
} from '#src/app/charges/set-charges.ts'
import {
  decideRefund,
  type RefundDependencies,
  type WaitingRefund,
} from '#src/app/payments/decide-refund.ts'
import { endByHand, type OutcomeCommand } from '#src/app/payouts/end-by-hand.ts'
import type { PayoutMetrics } from '#src/app/payouts/payout-metrics.ts'
import { wakePayments } from '#src/app/payouts/send-payouts.ts'
import type { Approval } from '#src/infra/postgres/approvals/approvals.ts'
import { readPayment } from '#src/infra/postgres/payments/payments.ts'
import { readSellerOf } from '#src/infra/postgres/payouts/payouts.ts'
import { putTaxStatus, type TaxStatus } from '#src/infra/postgres/sales/rate-tables.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

export interface ExecuteDependencies extends RefundDependencies {
  db: Kysely<Database>
  payoutMetrics: PayoutMetrics
}

export interface Executed {
  resultId: string | null
  /** What is done after the transaction. */
  afterwards?: () => Promise<void> | void
}

/** Does what was approved, in the transaction of the approval. Throws the refusal when it is not possible any more. */
export async function execute(
  tx: Transaction<Database>,
  dependencies: ExecuteDependencies,
  { kind, command, askedBy }: Approval,
): Promise<Executed> {
  switch (kind) {
    case 'refund': {
      const { amount, ...refund } = command as unknown as WaitingRefund
      const decided = await decideRefund(tx, dependencies, {
        ...refund,
        amount: BigInt(amount),
        requestedBy: askedBy,
        isOfSeller: false,
      })
      if (!decided.isNew) return { resultId: decided.refund.id }
      return { resultId: decided.refund.id, afterwards: dependencies.metrics.refundAsked }
    }
    case 'commission_rate':
      return { resultId: await addCommissionRate(tx, command as unknown as RateCommand, askedBy) }
    case 'tax_rate':
      return { resultId: await addTaxRate(tx, command as unknown as TaxRateCommand, askedBy) }
    case 'tax_status': {
      const status = command as unknown as Omit<TaxStatus, 'setBy'>
      await putTaxStatus(tx, { ...status, setBy: askedBy })
      return { resultId: null }
    }
    case 'payout_outcome': {
      const outcome = command as unknown as OutcomeCommand
      const { payments } = await endByHand(tx, outcome)
      return {
        resultId: outcome.payoutId,
        async afterwards() {
          dependencies.payoutMetrics.payout(outcome.outcome)
          await wakePayments(dependencies.db, payments)
        },
      }
    }
  }
}

/** The users who gain by a request or pay for it, and so do not decide it. */
export async function partiesOf(
  tx: Transaction<Database>,
  { kind, command }: Approval,
): Promise<string[]> {
  switch (kind) {
    case 'refund': {
      const payment = await readPayment(tx, (command as unknown as WaitingRefund).paymentId)
      return payment === undefined ? [] : [payment.buyerId, payment.sellerId]
    }
    case 'commission_rate': {
      const { sellerId } = command as unknown as RateCommand
      return sellerId === null ? [] : [sellerId]
    }
    case 'tax_status':
      return [(command as unknown as TaxStatus).userId]
    case 'payout_outcome': {
      const seller = await readSellerOf(tx, (command as unknown as OutcomeCommand).payoutId)
      return seller === undefined ? [] : [seller.sellerId]
    }
    case 'tax_rate':
      return []
  }
}
