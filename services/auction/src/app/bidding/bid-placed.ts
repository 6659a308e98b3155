import { bidPlaced } from '@auction/common/contracts/bid.ts'
import { type Delivery, PermanentError, projection } from '@auction/common/rabbitmq/consumer.ts'
import type { Transaction } from 'kysely'
import type { Static } from 'typebox'
import type { ItemEvents } from '#src/app/item/item-events.ts'
import { readAmount, readInstant } from '#src/app/item/read-amount.ts'
import { extensionsAmong, latestPerItem, type PlacedBid } from '#src/domain/bid-fold.ts'
import { LAST_SECONDS } from '#src/domain/review-flags.ts'
import {
  type BidNearEnd,
  recordLateBids,
} from '#src/infra/postgres/bidder-review/bidder-activity.ts'
import { type ProjectedBids, projectPlaced } from '#src/infra/postgres/bidding/bid-projection.ts'
import { countEvents } from '#src/infra/postgres/item/items.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { assertItemsMatch } from './assert-items-match.ts'
import { applyLegacyBids } from './legacy-bids.ts'

type PlacedDelivery = Delivery<Static<typeof bidPlaced.payload>>
type NumberedBid = PlacedBid & { delivery: PlacedDelivery }

export const BATCH_MAX = 500

/**
 * Folds bids into the read model, many events in one statement. The sequence of each event decides
 * whether it is new, so a repeated or late one neither lowers the price nor extends again.
 */
export const onBidPlaced = (events: ItemEvents) =>
  projection({
    kind: 'projection',
    consumer: 'auction',
    contract: bidPlaced,
    batchMax: BATCH_MAX,
    async handle(tx: Transaction<Database>, deliveries: PlacedDelivery[]) {
      const numbered: NumberedBid[] = []
      const legacy: PlacedDelivery[] = []
      for (const delivery of deliveries) {
        const sequence = delivery.payload.sequence ?? delivery.sequence
        if (sequence === undefined) legacy.push(delivery)
        else numbered.push(readBid(delivery, sequence))
      }
      if (numbered.length > 0) await projectNumbered(tx, events, numbered)
      if (legacy.length > 0) await applyLegacyBids(tx, legacy)
    },
  })

function readBid(delivery: PlacedDelivery, sequence: number): NumberedBid {
  const { itemId, currencyCode, amount, currentPrice, endDate } = delivery.payload
  const { bidCount, reserveMet, buyNowAvailable, extended, extensionCount } = delivery.payload
  if (
    currencyCode === undefined ||
    endDate === undefined ||
    bidCount === undefined ||
    reserveMet === undefined ||
    buyNowAvailable === undefined
  ) {
    throw new PermanentError('a numbered bid.placed must carry the whole public state')
  }
  return {
    itemId,
    sequence,
    currencyCode,
    price: readAmount(currentPrice ?? amount, currencyCode),
    bidCount,
    reserveMet,
    buyNowAvailable,
    endDate: readInstant(endDate),
    isExtended: extended === true,
    extensionCount: extensionCount ?? null,
    delivery,
  }
}

async function projectNumbered(
  tx: Transaction<Database>,
  events: ItemEvents,
  bids: NumberedBid[],
): Promise<void> {
  const items = await projectPlaced(tx, latestPerItem(bids))
  assertItemsMatch(items, bids)
  await emitExtensions(tx, events, items, bids)
  await recordLateBids(tx, bids.flatMap(nearEnd))
}

/** The bid, if it may have come in the last seconds. Few do, so the others cost nothing. */
function nearEnd({ delivery, itemId, endDate, isExtended }: NumberedBid): BidNearEnd[] {
  const { userId, timestamp } = delivery.payload
  if (userId === undefined || timestamp === undefined) return []
  const bidAt = readInstant(timestamp)
  const isNear = isExtended || endDate.getTime() - bidAt.getTime() <= LAST_SECONDS * 1_000
  return isNear ? [{ bidderId: userId, itemId, bidAt, endDate, isExtended }] : []
}

/**
 * Publishes item.extended whenever the end of an item moves, by the bid that moves it here: one that
 * came after the extending bid, if that one is late.
 */
async function emitExtensions(
  tx: Transaction<Database>,
  events: ItemEvents,
  items: readonly ProjectedBids[],
  bids: readonly NumberedBid[],
): Promise<void> {
  const known = new Map(items.map((item) => [item.id, item]))
  const later = bids.filter(({ itemId, endDate }) => {
    const before = known.get(itemId)?.endDate
    return before !== undefined && endDate.getTime() !== before.getTime()
  })
  for (const [itemId, own] of Map.groupBy(later, (bid) => bid.itemId)) {
    const before = known.get(itemId)
    const extensions = before === undefined ? [] : extensionsAmong(before, own)
    if (extensions.length === 0) continue
    const after = await countEvents(tx, itemId, extensions.length)
    for (const [index, bid] of extensions.entries()) {
      const eventSequence = after.eventSequence - BigInt(extensions.length - 1 - index)
      const { delivery, isExtended, endDate, sequence, extensionCount } = bid
      const bidId = isExtended ? delivery.payload.bidId : undefined
      await events.emit(
        tx,
        { ...after, eventSequence },
        delivery.trace,
        [{ kind: 'extended', bidId, endDate, sequence, extensionCount }],
        delivery.id,
      )
    }
  }
}
