import { orderCancelled } from '@auction/common/contracts/order.ts'
import { parseAmount } from '@auction/common/money.ts'
import { PermanentError, transactional } from '@auction/common/rabbitmq/consumer.ts'
import type { Transaction } from 'kysely'
import { isOver } from '#src/domain/judge-payment.ts'
import type { PaymentProvider } from '#src/domain/provider.ts'
import { decideByOrder } from '#src/infra/postgres/deposits/deposits.ts'
import { planOperation } from '#src/infra/postgres/payments/operations.ts'
import {
  livePaymentsBegunBefore,
  lockPayment,
  wakePayment,
} from '#src/infra/postgres/payments/payments.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

type Providers = ReadonlyMap<string, Pick<PaymentProvider, 'problemOf'>>

/**
 * An order is not sold any more: a buyer who is about to pay it is stopped, and the deposit of a winner who did not pay it is taken. Claimed orders are never cancelled. The
 * event may come late, when the order was reopened and another payment of it has begun: that one goes on.
 */
export const onOrderCancelled = ({ providers }: { providers: Providers }) =>
  transactional({
    kind: 'transactional',
    consumer: 'payment',
    contract: orderCancelled,
    async handle(tx: Transaction<Database>, { payload }) {
      const { orderId, itemId, buyerId, sequence, reason } = payload
      for (const id of await livePaymentsBegunBefore(tx, orderId, sequence)) {
        const payment = await lockPayment(tx, id)
        if (payment === undefined || isOver(payment.state) || payment.state === 'claimed') continue
        await planOperation(tx, id, 'cancel')
        await wakePayment(tx, id)
      }
      // A reservation that ended: the lot goes on, and its bidders with it.
      if (payload.reservedUntil !== undefined) return
      const isUnpaid = reason === 'unpaid' && canBePaid(providers, payload)
      await decideByOrder(tx, {
        itemId,
        buyerId,
        orderId,
        reason: isUnpaid ? 'unpaid' : 'order_cancelled',
      })
    },
  })

/** A buyer whose order no provider would have taken is not who did not pay. Orders of before have no amount. */
function canBePaid(
  providers: Providers,
  { total, currencyCode }: { total?: string | undefined; currencyCode?: string | undefined },
): boolean {
  if (total === undefined || currencyCode === undefined) return true
  const amount = parseAmount(total, currencyCode)
  if (!amount.ok) throw new PermanentError(`${total} ${currencyCode}: ${amount.reason}`)
  const money = { amount: amount.minor, currencyCode }
  return [...providers.values()].some((provider) => provider.problemOf(money) === undefined)
}
