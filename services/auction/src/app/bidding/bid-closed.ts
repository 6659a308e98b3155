import { bidClosed } from '@auction/common/contracts/bid.ts'
import { type Delivery, projection } from '@auction/common/rabbitmq/consumer.ts'
import type { Transaction } from 'kysely'
import type { Static } from 'typebox'
import type { ItemEvents } from '#src/app/item/item-events.ts'
import { readAmount, readInstant } from '#src/app/item/read-amount.ts'
import type { Closing } from '#src/domain/settlement.ts'
import { queueBidderReviews } from '#src/infra/postgres/bidder-review/bidder-activity.ts'
import { agreeToWithdrawals } from '#src/infra/postgres/listing/withdrawals.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { BATCH_MAX } from './bid-placed.ts'
import { settleItems } from './settle-items.ts'

type ClosedDelivery = Delivery<Static<typeof bidClosed.payload>>

/** A lot is closed: the item ends, and expires at once when there was no sale. */
export const onBidClosed = (events: ItemEvents) =>
  projection({
    kind: 'projection',
    consumer: 'auction',
    contract: bidClosed,
    batchMax: BATCH_MAX,
    async handle(tx: Transaction<Database>, deliveries: ClosedDelivery[]) {
      const facts = deliveries.map(({ id, trace, payload }) => ({
        itemId: payload.itemId,
        id,
        trace,
        currencyCode: payload.currencyCode,
        read: () => readClosing(payload),
      }))
      await settleItems(tx, events, facts)
      await queueBidderReviews(
        tx,
        facts.map(({ itemId }) => itemId),
      )
      const withdrawn = deliveries.filter(({ payload }) => payload.bySeller === true)
      await agreeToWithdrawals(
        tx,
        withdrawn.map(({ payload }) => payload.itemId),
      )
    },
  })

function readClosing(payload: ClosedDelivery['payload']): Closing {
  const { currencyCode, currentPrice } = payload
  return {
    kind: 'closing',
    sequence: BigInt(payload.sequence),
    closedAt: readInstant(payload.closedAt),
    outcome: payload.outcome,
    round: payload.round,
    final: {
      endDate: readInstant(payload.endDate),
      extensionCount: payload.extensionCount ?? null,
      currentPrice: currentPrice === undefined ? null : readAmount(currentPrice, currencyCode),
      bidCount: payload.bidCount,
      reserveMet: payload.reserveMet,
    },
  }
}
