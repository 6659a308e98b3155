import { bidWon } from '@auction/common/contracts/bid.ts'
import { type Delivery, projection } from '@auction/common/rabbitmq/consumer.ts'
import type { Transaction } from 'kysely'
import type { Static } from 'typebox'
import type { ItemEvents } from '#src/app/item/item-events.ts'
import { readAmount } from '#src/app/item/read-amount.ts'
import type { Win } from '#src/domain/settlement.ts'
import { queueBidderReviews } from '#src/infra/postgres/bidder-review/bidder-activity.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { BATCH_MAX } from './bid-placed.ts'
import { settleItems } from './settle-items.ts'

type WonDelivery = Delivery<Static<typeof bidWon.payload>>

/** The item has a buyer. With bid.closed, in either order, it is sold. */
export const onBidWon = (events: ItemEvents) =>
  projection({
    kind: 'projection',
    consumer: 'auction',
    contract: bidWon,
    batchMax: BATCH_MAX,
    async handle(tx: Transaction<Database>, deliveries: WonDelivery[]) {
      const facts = deliveries.map((delivery) => ({
        itemId: delivery.payload.itemId,
        id: delivery.id,
        trace: delivery.trace,
        currencyCode: delivery.payload.currencyCode,
        read: (currencyCode: string) => readWin(delivery, currencyCode),
      }))
      await settleItems(tx, events, facts)
      const buyers = deliveries.map(({ payload: { buyerId, itemId } }) => ({
        bidderId: buyerId,
        itemId,
      }))
      await queueBidderReviews(
        tx,
        buyers.map(({ itemId }) => itemId),
        buyers,
      )
    },
  })

function readWin({ payload, sequence, timestamp }: WonDelivery, currencyCode: string): Win {
  const isLegacy = (payload.sequence ?? sequence) === undefined
  const statedAt = new Date(payload.timestamp ?? timestamp)
  return {
    kind: 'win',
    buyerId: payload.buyerId,
    finalAmount: readAmount(payload.finalAmount, currencyCode),
    endReason: payload.endReason?.slice(0, 60) ?? null,
    round: payload.round ?? null,
    // The original's messages may carry no time; the moment of reading is the nearest one known.
    endedAt: isLegacy ? (Number.isNaN(statedAt.getTime()) ? new Date() : statedAt) : null,
  }
}
