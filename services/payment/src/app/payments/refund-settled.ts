import { orderRefundSettled } from '@auction/common/contracts/order.ts'
import { PermanentError, transactional } from '@auction/common/rabbitmq/consumer.ts'
import type { Transaction } from 'kysely'
import { recordDifference } from '#src/infra/postgres/payments/differences.ts'
import { endOwed, markSettled, readOwedBefore } from '#src/infra/postgres/payments/owed-refunds.ts'
import { livePaymentsOf, lockPayment } from '#src/infra/postgres/payments/payments.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

/**
 * A moderator ended the wait for what a decision owed the buyer: none of it is given any more, or the buyer would get it twice. A
 * refund that is under way cannot be stopped, so an operator looks at it.
 */
export const onRefundSettled = () =>
  transactional({
    kind: 'transactional',
    consumer: 'payment',
    contract: orderRefundSettled,
    async handle(tx: Transaction<Database>, { payload }) {
      const { orderId, outcome, sequence } = payload
      const [paymentId] = await livePaymentsOf(tx, orderId)
      const payment = paymentId === undefined ? undefined : await lockPayment(tx, paymentId)
      if (payment === undefined) throw new PermanentError(`order ${orderId} is not paid`)
      const settled = { paymentId: payment.id, orderId }
      await markSettled(tx, settled, sequence)
      // This event may be consumed after a later decision, which is owed.
      for (const one of await readOwedBefore(tx, settled, sequence)) {
        await endOwed(tx, one.id, 'settled')
        if (one.pending === 0) continue
        await recordDifference(tx, {
          provider: payment.provider,
          kind: 'refunded_amount',
          reference: one.id,
          paymentId: payment.id,
          ours: `the refund of order ${orderId} was settled by hand (${outcome})`,
          theirs: `refunds under way: ${one.pending}`,
        })
      }
    },
  })
