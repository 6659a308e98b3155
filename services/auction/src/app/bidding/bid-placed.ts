import { bidPlaced } from '@auction/common/contracts/bid.ts'
import { type Delivery, PermanentError, projection } from '@auction/common/rabbitmq/consumer.ts'
import type { Transaction } from 'kysely'
import type { Static } from 'typebox'
import type { ItemEvents } from '#src/app/item/item-events.ts'
import { readAmount, readInstant } from '#src/app/item/read-amount.ts'
import { latestPerItem, type PlacedBid } from '#src/domain/bid-fold.ts'
import { LAST_SECONDS } from '#src/domain/review-flags.ts'
import {
  type BidNearEnd,
  recordLateBids,
} from '#src/infra/postgres/bidder-review/bidder-activity.ts'
import { type ProjectedItem, projectPlaced } from '#src/infra/postgres/bidding/bid-projection.ts'
import { readItems } from '#src/infra/postgres/item/items.ts'
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
  const { bidCount, reserveMet, buyNowAvailable, extended } = delivery.payload
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
    delivery,
  }
}

async function projectNumbered(
  tx: Transaction<Database>,
  events: ItemEvents,
  bids: NumberedBid[],
): Promise<void> {
  const extensions = distinctExtensions(bids)
  const items = await projectPlaced(tx, latestPerItem(bids), extensions)
  assertItemsMatch(items, bids)
  if (extensions.length > 0) await emitExtensions(tx, events, items, extensions)
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

/** One for each extension, by sequence; a batch may hold the same message twice. */
function distinctExtensions(bids: NumberedBid[]): NumberedBid[] {
  const byNumber = new Map<string, NumberedBid>()
  for (const bid of bids) {
    if (bid.isExtended) byNumber.set(`${bid.itemId} ${bid.sequence}`, bid)
  }
  return [...byNumber.values()].sort((left, right) => left.sequence - right.sequence)
}

/** Publishes item.extended once for each extending bid that is newer than the row. */
async function emitExtensions(
  tx: Transaction<Database>,
  events: ItemEvents,
  items: readonly ProjectedItem[],
  extensions: readonly NumberedBid[],
): Promise<void> {
  const before = new Map(items.map((item) => [item.id, item.sequenceBefore]))
  const news = extensions.filter(
    ({ itemId, sequence }) => BigInt(sequence) > (before.get(itemId) ?? 0n),
  )
  if (news.length === 0) return
  const reads = await readItems(tx, [...new Set(news.map(({ itemId }) => itemId))])
  for (const read of reads) {
    const own = news.filter(({ itemId }) => itemId === read.item.id)
    for (const [index, { delivery, endDate, sequence }] of own.entries()) {
      const eventSequence = read.eventSequence - BigInt(own.length - 1 - index)
      const { bidId } = delivery.payload
      await events.emit(
        tx,
        { ...read, eventSequence },
        delivery.trace,
        [{ kind: 'extended', bidId, endDate, sequence }],
        delivery.id,
      )
    }
  }
}
