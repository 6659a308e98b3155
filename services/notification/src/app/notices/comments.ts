import { itemCommentCreated } from '@auction/common/contracts/auction.ts'
import { projection } from '@auction/common/rabbitmq/consumer.ts'
import { excerptOf } from '@auction/common/text-excerpt.ts'
import type { Transaction } from 'kysely'
import type { NewNotice } from '#src/domain/notices.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { eventInstant } from './event-instant.ts'
import { recordNotices } from './record-notices.ts'

const BATCH_MAX = 200
const EXCERPT_CHARACTERS_MAX = 200

/**
 * Someone wrote below an item. The author of what was answered is notified of the answer, the seller of
 * anything else; no one is notified of the own words, or twice of the same.
 */
export const onCommentCreated = () =>
  projection({
    kind: 'projection',
    consumer: 'notification',
    contract: itemCommentCreated,
    batchMax: BATCH_MAX,
    async handle(tx: Transaction<Database>, deliveries) {
      const notices = deliveries.flatMap((delivery): NewNotice[] => {
        const { id, itemId, authorId, parentAuthorId, sellerId, content } = delivery.payload
        const about = {
          aggregateId: id,
          sequence: 0,
          data: { itemId, commentId: id, excerpt: excerptOf(content, EXCERPT_CHARACTERS_MAX) },
          happenedAt: eventInstant(delivery),
        }
        const answer: NewNotice[] =
          parentAuthorId === undefined || parentAuthorId === authorId
            ? []
            : [{ ...about, template: 'answer', userId: parentAuthorId }]
        const question: NewNotice[] =
          sellerId === authorId || sellerId === parentAuthorId
            ? []
            : [{ ...about, template: 'question', userId: sellerId }]
        return [...answer, ...question]
      })
      await recordNotices(tx, notices)
    },
  })
