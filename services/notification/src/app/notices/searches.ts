import { itemSearchMatched } from '@auction/common/contracts/auction.ts'
import { projection } from '@auction/common/rabbitmq/consumer.ts'
import type { Transaction } from 'kysely'
import type { NewNotice } from '#src/domain/notices.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { eventInstant } from './event-instant.ts'
import { recordNotices } from './record-notices.ts'

const BATCH_MAX = 200

/** A new item matches a saved search. An item that matches two searches of a user is one notice. */
export const onSearchMatched = () =>
  projection({
    kind: 'projection',
    consumer: 'notification',
    contract: itemSearchMatched,
    batchMax: BATCH_MAX,
    async handle(tx: Transaction<Database>, deliveries) {
      const notices = deliveries.map((delivery): NewNotice => {
        const { userId, itemId, itemName, currencyCode, currentPrice, endDate } = delivery.payload
        const { savedSearchId, searchName } = delivery.payload
        const item = { itemId, itemName, currencyCode, amount: currentPrice, endDate }
        return {
          userId,
          template: 'search_matched',
          aggregateId: itemId,
          sequence: 0,
          data: { savedSearchId, searchName, ...item },
          happenedAt: eventInstant(delivery),
        }
      })
      await recordNotices(tx, notices)
    },
  })
