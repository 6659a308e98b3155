import { newId } from '@auction/common/ids.ts'
import type { Transaction } from 'kysely'
import { collectDebt } from '#src/app/payouts/collect-debt.ts'
import { postRefund } from '#src/app/sales/sale-ledger.ts'
import { planRefund } from '#src/infra/postgres/payments/operations.ts'
import { readPayee } from '#src/infra/postgres/payments/payments.ts'
import { addRefunded, insertRefund, type Refund } from '#src/infra/postgres/payments/refunds.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

export type DecidedRefund = Pick<
  Refund,
  'paymentId' | 'orderId' | 'amount' | 'reason' | 'requestedBy' | 'idempotencyKey' | 'owedId'
>

/**
 * Writes a refund that was decided, what the provider is asked for it, and what of payouts is to come back before. The
 * payment is locked, and so much is left.
 */
export async function writeRefund(
  tx: Transaction<Database>,
  refund: DecidedRefund,
): Promise<string> {
  const { paymentId, orderId, amount } = refund
  const id = newId()
  await insertRefund(tx, { ...refund, id })
  await addRefunded(tx, { paymentId, orderId }, amount)
  await postRefund(tx, { paymentId, orderId, refundId: id, amount })
  await planRefund(tx, paymentId, id)
  const payee = await readPayee(tx, paymentId)
  if (payee !== undefined) await collectDebt(tx, payee, { refunds: [{ id, amount }] })
  return id
}
