import { newId } from '@auction/common/ids.ts'
import type { Transaction } from 'kysely'
import { operationsOf } from '#src/infra/postgres/operations.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

export const {
  plan: planOperation,
  planAgain,
  markSending,
  mark: markOperation,
} = operationsOf('payment')

export async function planRefund(
  tx: Transaction<Database>,
  paymentId: string,
  refundId: string,
): Promise<void> {
  await tx
    .insertInto('payment_operations')
    .values({
      id: newId(),
      payment_id: paymentId,
      kind: 'refund',
      refund_id: refundId,
      key: `refund:${refundId}`,
      state: 'planned',
    })
    .execute()
}
