import type { bidPlaced } from '@auction/common/contracts/bid.ts'
import type { Delivery } from '@auction/common/rabbitmq/consumer.ts'
import type { Transaction } from 'kysely'
import type { Static } from 'typebox'
import { readAmount } from '#src/app/item/read-amount.ts'
import { foldLegacyBids, readCurrencies } from '#src/infra/postgres/bidding/legacy-bids.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { assertItemsMatch } from './assert-items-match.ts'

type PlacedDelivery = Delivery<Static<typeof bidPlaced.payload>>

/**
 * Bids of the original's publisher, which have no sequence: each counts once, by its id, and the
 * price only rises. They never change an item for which numbered events have arrived.
 */
export async function applyLegacyBids(
  tx: Transaction<Database>,
  deliveries: readonly PlacedDelivery[],
): Promise<void> {
  const items = await readCurrencies(tx, [
    ...new Set(deliveries.map(({ payload }) => payload.itemId)),
  ])
  const currencies = new Map(items.map((item) => [item.id, item.currencyCode]))
  const bids = deliveries.map(({ id, payload, timestamp }) => {
    const currencyCode = payload.currencyCode ?? currencies.get(payload.itemId) ?? ''
    return {
      key: payload.bidId ?? id,
      itemId: payload.itemId,
      currencyCode,
      text: payload.amount,
      placedAt: new Date(payload.timestamp ?? timestamp),
    }
  })
  assertItemsMatch(items, bids)
  await foldLegacyBids(
    tx,
    bids.map((bid) => ({ ...bid, amount: readAmount(bid.text, bid.currencyCode) })),
  )
}
