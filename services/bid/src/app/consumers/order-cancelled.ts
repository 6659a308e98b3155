import { orderCancelled } from '@auction/common/contracts/order.ts'
import { transactional } from '@auction/common/rabbitmq/consumer.ts'
import type { Transaction } from 'kysely'
import { type ReleaseDependencies, releasePurchase } from '#src/app/release-reservations.ts'
import { isOrderOfSale } from '#src/domain/offer.ts'
import { lockLot } from '#src/infra/postgres/lots.ts'
import { hasAcceptedOffer, putFreedUnit } from '#src/infra/postgres/offers.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

/**
 * After these the seller may offer the unit to another bidder (R-OFFER-1), or put the item up for auction again (R-RELIST-1). A seller
 * who cancelled alone may only do the latter: or the highest bidder would be left out for one whom the seller prefers.
 */
const FREEING_FOR_OFFERS = new Set(['unpaid', 'mutual', 'suspended'])
const FREEING = new Set([...FREEING_FOR_OFFERS, 'seller'])

/** An order ended unpaid: a lot that was reserved for it goes on at once (R-BID-23), and a unit that was sold is free. */
export const onOrderCancelled = (dependencies: ReleaseDependencies) =>
  transactional({
    kind: 'transactional',
    consumer: 'bid',
    contract: orderCancelled,
    async handle(tx: Transaction<Database>, { payload, trace }) {
      const { itemId, purchaseId, reason } = payload
      if (purchaseId !== undefined) {
        await releasePurchase(tx, dependencies, { itemId, purchaseId, reason }, trace)
      }
      if (!FREEING.has(reason)) return
      // Under the lock, as all that decides about the unit.
      const lot = await lockLot(tx, itemId)
      if (lot === undefined) return
      const hasAccepted = await hasAcceptedOffer(tx, payload)
      if (!isOrderOfSale(lot, hasAccepted, payload)) return
      const isOfferable = FREEING_FOR_OFFERS.has(reason)
      await putFreedUnit(tx, { ...payload, isFree: true, isOfferable })
    },
  })
