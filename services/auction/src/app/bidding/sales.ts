import { offerAccepted } from '@auction/common/contracts/bid.ts'
import { orderCancelled, orderReopened } from '@auction/common/contracts/order.ts'
import { type Delivery, projection } from '@auction/common/rabbitmq/consumer.ts'
import type { Transaction } from 'kysely'
import type { ItemEvents } from '#src/app/item/item-events.ts'
import { readAmount, readInstant } from '#src/app/item/read-amount.ts'
import type { Item } from '#src/domain/item.ts'
import { settleSale } from '#src/domain/sale.ts'
import {
  putAcceptance,
  putOrderNews,
  readBuyers,
  updateSale,
} from '#src/infra/postgres/bidding/sales.ts'
import { lockItem } from '#src/infra/postgres/item/items.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

// Sales that fall through are rare.
const BATCH_MAX = 20

const kind = { kind: 'projection', consumer: 'auction', batchMax: BATCH_MAX } as const

/** A bidder bought an item by an offer: it is sold again, or at last (R-OFFER-7). */
export const onOfferAccepted = (events: ItemEvents) =>
  projection({
    ...kind,
    contract: offerAccepted,
    async handle(tx: Transaction<Database>, deliveries) {
      for (const delivery of byItem(deliveries)) {
        const { itemId, userId, amount, currencyCode, timestamp } = delivery.payload
        const price = readAmount(amount, currencyCode)
        const soldAt = readInstant(timestamp)
        await settleUnderLock(tx, events, delivery, () =>
          putAcceptance(tx, { itemId, buyerId: userId, price, soldAt }),
        )
      }
    },
  })

/** An order ended unpaid: its item is not sold. One that was only reserved was never sold. */
export const onOrderCancelled = (events: ItemEvents) =>
  projection({
    ...kind,
    contract: orderCancelled,
    async handle(tx: Transaction<Database>, deliveries) {
      const sold = deliveries.filter(
        ({ payload }) =>
          payload.reason !== 'buy_now_released' && payload.reservedUntil === undefined,
      )
      for (const delivery of byItem(sold)) {
        const { itemId, buyerId, reason, sequence, purchaseId } = delivery.payload
        await settleUnderLock(tx, events, delivery, async ({ outcome }) => {
          // An older order service does not say that it was a reservation. How the auction ended does.
          if (purchaseId !== undefined && outcome !== 'bought_now') return
          await putOrderNews(tx, { itemId, buyerId, isCancelled: true, reason, sequence })
        })
      }
    },
  })

/** The seller took the buyer back: the item is that buyer's again. */
export const onOrderReopened = (events: ItemEvents) =>
  projection({
    ...kind,
    contract: orderReopened,
    async handle(tx: Transaction<Database>, deliveries) {
      for (const delivery of byItem(deliveries)) {
        const { itemId, buyerId, sequence } = delivery.payload
        await settleUnderLock(tx, events, delivery, () =>
          putOrderNews(tx, { itemId, buyerId, isCancelled: false, reason: null, sequence }),
        )
      }
    },
  })

/** In the order of their items, as locks are taken everywhere. */
const byItem = <P extends { itemId: string }>(deliveries: readonly Delivery<P>[]) =>
  deliveries.toSorted((a, b) => (a.payload.itemId < b.payload.itemId ? -1 : 1))

async function settleUnderLock(
  tx: Transaction<Database>,
  events: ItemEvents,
  { id, trace, payload: { itemId } }: Delivery<{ itemId: string }>,
  put: (item: Item) => Promise<void>,
): Promise<void> {
  const read = await lockItem(tx, itemId)
  // Retried: what sold it in the first place is on its way.
  if (read === undefined || read.item.outcome === null || read.item.status === 'ended') {
    throw new Error(`item ${itemId} is not known as sold or over yet`)
  }
  const { item } = read
  await put(item)
  const sale = settleSale(item, await readBuyers(tx, itemId))
  if (sale === item) return
  const after = await updateSale(tx, itemId, sale)
  await events.emit(tx, after, trace, [{ kind: sale.status === 'sold' ? 'sold' : 'unsold' }], id)
}
