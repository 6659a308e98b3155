import { orderPaid } from '@auction/common/contracts/order.ts'
import { transactional } from '@auction/common/rabbitmq/consumer.ts'
import type { Transaction } from 'kysely'
import {
  decideByOrder,
  releaseUntaken,
  returnTaken,
} from '#src/infra/postgres/deposits/deposits.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

/** The winner paid the whole price, so nothing need be held any more, and what was taken before for the same order is given back. */
export const onOrderPaid = () =>
  transactional({
    kind: 'transactional',
    consumer: 'payment',
    contract: orderPaid,
    async handle(tx: Transaction<Database>, { payload: { itemId, buyerId, orderId } }) {
      await decideByOrder(tx, { itemId, buyerId, orderId, reason: 'paid' })
      await releaseUntaken(tx, { itemId, buyerId, orderId })
      await returnTaken(tx, { itemId, buyerId, orderId })
    },
  })
