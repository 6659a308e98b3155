import { bidLost } from '@auction/common/contracts/bid.ts'
import { projection } from '@auction/common/rabbitmq/consumer.ts'
import type { Transaction } from 'kysely'
import { recordBidders } from '#src/infra/postgres/bidder-review/bidder-activity.ts'
import { countKnownItems } from '#src/infra/postgres/item/items.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

// Each may name 500 people.
const BATCH_MAX = 20

/** Who bid in vain: what moderators are pointed at is worked out of it. */
export const onBidLost = () =>
  projection({
    kind: 'projection',
    consumer: 'auction',
    contract: bidLost,
    batchMax: BATCH_MAX,
    async handle(tx: Transaction<Database>, deliveries) {
      const itemIds = [...new Set(deliveries.map(({ payload }) => payload.itemId))]
      if ((await countKnownItems(tx, itemIds)) < itemIds.length) {
        throw new Error('an item that somebody bid on is not known')
      }
      await recordBidders(
        tx,
        deliveries.flatMap(({ payload: { itemId, userIds } }) =>
          userIds.map((bidderId) => ({ bidderId, itemId })),
        ),
      )
    },
  })
