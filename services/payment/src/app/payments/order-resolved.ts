import { orderResolved } from '@auction/common/contracts/order.ts'
import { parseAmount } from '@auction/common/money.ts'
import { PermanentError, transactional } from '@auction/common/rabbitmq/consumer.ts'
import type { Transaction } from 'kysely'
import type { PaymentProvider } from '#src/domain/provider.ts'
import { decisionSource, readSettled } from '#src/infra/postgres/payments/owed-refunds.ts'
import { livePaymentsOf, lockPayment, wakePayment } from '#src/infra/postgres/payments/payments.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { oweRefund } from './owed-refunds.ts'

/** A dispute was decided for the buyer: so much is given back, once for each decision. */
export const onOrderResolved = ({
  providers,
}: {
  providers: ReadonlyMap<string, PaymentProvider>
}) =>
  transactional({
    kind: 'transactional',
    consumer: 'payment',
    contract: orderResolved,
    async handle(tx: Transaction<Database>, { payload }) {
      const { orderId, refundAmount, currencyCode, sequence } = payload
      if (refundAmount === undefined) return
      const amount = parseAmount(refundAmount, currencyCode)
      if (!amount.ok) throw new PermanentError(`${refundAmount} ${currencyCode}: ${amount.reason}`)
      const [paymentId] = await livePaymentsOf(tx, orderId)
      if (paymentId === undefined) throw new PermanentError(`order ${orderId} is not paid`)
      const payment = await lockPayment(tx, paymentId)
      if (payment === undefined || payment.state !== 'captured') {
        throw new PermanentError(`payment ${paymentId} of order ${orderId} took no money`)
      }
      // Its wait was ended already: the other event was consumed first.
      if ((await readSettled(tx, { paymentId, orderId })) > sequence) return
      await oweRefund(tx, providers, payment, {
        orderId,
        source: decisionSource(orderId, sequence),
        amount: amount.minor,
      })
      await wakePayment(tx, paymentId)
    },
  })
