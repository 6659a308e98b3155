import { bidLost } from '@auction/common/contracts/bid.ts'
import { projection } from '@auction/common/rabbitmq/consumer.ts'
import type { Transaction } from 'kysely'
import { recordBidders } from '#src/infra/postgres/bidder-review/bidder-activity.ts'
import { countKnownItems } from '#src/infra/postgres/item/items.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

// Each event may name 500 users.
const BATCH_MAX = 20

/** Records who bid without winning; review flags are computed from it. */
export const onBidLost = () =>
  projection({
    kind: 'projection',
    consumer: 'auction',
    contract: bidLost,
    batchMax: BATCH_MAX,
    async handle(tx: Transaction<Database>, deliveries) {
      const itemIds = [...new Set(deliveries.map(({ payload }) => payload.itemId))]
      if ((await countKnownItems(tx, itemIds)) < itemIds.length) {
        throw new Error('an item with bids is not known')
      }
      await recordBidders(
        tx,
        deliveries.flatMap(({ payload: { itemId, userIds } }) =>
          userIds.map((bidderId) => ({ bidderId, itemId })),
        ),
      )
    },
  })
