import { orderReopened } from '@auction/common/contracts/order.ts'
import { transactional } from '@auction/common/rabbitmq/consumer.ts'
import type { Transaction } from 'kysely'
import { lockLot } from '#src/infra/postgres/lots.ts'
import { putFreedUnit } from '#src/infra/postgres/offers.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

/**
 * An order goes on: its buyer has the unit again (R-OFFER-6). Bid was asked for it before, but not by an order service of the version
 * before, nor for a purchase that was paid in time after all (R-ORDER-12).
 */
export const onOrderReopened = () =>
  transactional({
    kind: 'transactional',
    consumer: 'bid',
    contract: orderReopened,
    async handle(tx: Transaction<Database>, { payload }) {
      // Under the lock, as all that decides about the unit.
      if ((await lockLot(tx, payload.itemId)) === undefined) return
      await putFreedUnit(tx, { ...payload, isFree: false })
    },
  })
