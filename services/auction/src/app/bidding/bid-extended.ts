import { bidExtended } from '@auction/common/contracts/bid.ts'
import { type Delivery, projection } from '@auction/common/rabbitmq/consumer.ts'
import type { Transaction } from 'kysely'
import type { Static } from 'typebox'
import type { ItemEvents } from '#src/app/item/item-events.ts'
import { readInstant } from '#src/app/item/read-amount.ts'
import { projectExtended } from '#src/infra/postgres/bidding/bid-projection.ts'
import { countEvents } from '#src/infra/postgres/item/items.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { BATCH_MAX } from './bid-placed.ts'

type ExtendedDelivery = Delivery<Static<typeof bidExtended.payload>>

/**
 * A lot was extended after an outage: the end of the item moves, and item.extended is published.
 * When a later bid or the closing has brought the new end already, nothing is left to do.
 */
export const onBidExtended = (events: ItemEvents) =>
  projection({
    kind: 'projection',
    consumer: 'auction',
    contract: bidExtended,
    batchMax: BATCH_MAX,
    async handle(tx: Transaction<Database>, deliveries: ExtendedDelivery[]) {
      const extensions = deliveries.map(readExtension)
      const { known, moved, undecided } = await projectExtended(tx, extensions)
      for (const { itemId } of extensions) {
        if (!known.has(itemId)) throw new Error(`item ${itemId} is not known or not published`)
        // Retried: the pending change is finished in seconds, and then it is known which end is meant.
        if (undecided.has(itemId)) throw new Error(`a change of item ${itemId} is pending`)
      }
      for (const { delivery, itemId, endDate, extensionCount, sequence } of extensions) {
        // A batch may hold the same event twice.
        if (!moved.delete(itemId)) continue
        const after = await countEvents(tx, itemId, 1)
        const extended = {
          kind: 'extended',
          bidId: undefined,
          reason: delivery.payload.reason,
        } as const
        await events.emit(
          tx,
          after,
          delivery.trace,
          [{ ...extended, endDate, extensionCount, sequence }],
          delivery.id,
        )
      }
    },
  })

function readExtension(delivery: ExtendedDelivery) {
  const { itemId, endDate, originalEndDate, extensionCount, sequence } = delivery.payload
  return {
    itemId,
    endDate: readInstant(endDate),
    originalEndDate: readInstant(originalEndDate),
    extensionCount,
    sequence,
    delivery,
  }
}
