import type { Transaction } from 'kysely'
import type { RateCommand, TaxRateCommand } from '#src/app/charges/set-charges.ts'
import type { WaitingRefund } from '#src/app/payments/decide-refund.ts'
import { lockForOutcome, type OutcomeCommand } from '#src/app/payouts/end-by-hand.ts'
import { readSale } from '#src/app/sales/sale-ledger.ts'
import { leftOf } from '#src/domain/sale.ts'
import { type Approval, lockName } from '#src/infra/postgres/approvals/approvals.ts'
import { lockPayment } from '#src/infra/postgres/payments/payments.ts'
import { countRefunds } from '#src/infra/postgres/payments/refunds.ts'
import {
  readNewestRate,
  readNewestTaxRate,
  readTaxStatusTime,
  type TaxStatus,
} from '#src/infra/postgres/sales/rate-tables.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

export interface Subject {
  /** What competes with a request has the same one. */
  subject: string
  /** Another one as soon as anything of it is changed. */
  version: string
}

/**
 * What a request is about, and the state of that. It is locked until the transaction ends, so of all that would change it one after
 * the other finds the version that it was asked on.
 */
export async function lockSubject(
  tx: Transaction<Database>,
  { kind, command }: Pick<Approval, 'kind'> & { command: object },
): Promise<Subject> {
  switch (kind) {
    case 'refund': {
      const { paymentId, orderId } = command as WaitingRefund
      await lockPayment(tx, paymentId)
      const sale = await readSale(tx, { paymentId, orderId })
      const count = await countRefunds(tx, { paymentId, orderId })
      const left = sale === undefined ? '' : String(leftOf(sale))
      return { subject: `order:${paymentId}:${orderId}`, version: `${count}:${left}` }
    }
    case 'commission_rate': {
      const { categoryId, sellerId, currencyCode } = command as RateCommand
      const scope = [categoryId, sellerId, currencyCode].map((one) => one ?? '*').join(':')
      const subject = await locked(tx, `commission:${scope}`)
      return { subject, version: (await readNewestRate(tx, command as RateCommand)) ?? 'none' }
    }
    case 'tax_rate': {
      const rate = command as TaxRateCommand
      const subject = await locked(tx, `tax:${rate.jurisdiction}:${rate.kind}`)
      return { subject, version: (await readNewestTaxRate(tx, rate)) ?? 'none' }
    }
    case 'tax_status': {
      const { userId } = command as TaxStatus
      const subject = await locked(tx, `tax_status:${userId}`)
      return { subject, version: (await readTaxStatusTime(tx, userId)) ?? 'none' }
    }
    case 'payout_outcome': {
      const { id, state } = await lockForOutcome(tx, command as OutcomeCommand)
      return { subject: `payout:${id}`, version: state }
    }
  }
}

async function locked(tx: Transaction<Database>, subject: string): Promise<string> {
  await lockName(tx, subject)
  return subject
}
