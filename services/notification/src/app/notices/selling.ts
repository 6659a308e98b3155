import {
  itemExpired,
  itemRelisted,
  itemRemoved,
  itemWatchedRelisted,
} from '@auction/common/contracts/auction.ts'
import { type Delivery, projection } from '@auction/common/rabbitmq/consumer.ts'
import { excerptOf } from '@auction/common/text-excerpt.ts'
import type { Transaction } from 'kysely'
import type { NewNotice } from '#src/domain/notices.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { eventInstant } from './event-instant.ts'
import { recordNotices } from './record-notices.ts'

const BATCH_MAX = 200
// Each event may name 500 users.
const WATCHED_BATCH_MAX = 10
const REASON_CHARACTERS_MAX = 500

const kind = { kind: 'projection', consumer: 'notification', batchMax: BATCH_MAX } as const

/** An item ended without a buyer: its seller is notified. */
export const onItemExpired = () =>
  projection({
    ...kind,
    contract: itemExpired,
    async handle(tx: Transaction<Database>, deliveries) {
      await recordNotices(
        tx,
        deliveries.map((delivery) => aboutEnding('unsold', delivery)),
      )
    },
  })

/** A moderator hid an item: its seller is notified, with the reason. */
export const onItemRemoved = () =>
  projection({
    ...kind,
    contract: itemRemoved,
    async handle(tx: Transaction<Database>, deliveries) {
      await recordNotices(
        tx,
        deliveries.map((delivery) => aboutEnding('item_removed', delivery)),
      )
    },
  })

/** An item went into a new round by itself: its seller is notified. One who did it by hand knows. */
export const onItemRelisted = () =>
  projection({
    ...kind,
    contract: itemRelisted,
    async handle(tx: Transaction<Database>, deliveries) {
      const notices = deliveries.flatMap((delivery): NewNotice[] => {
        const { id, sellerId, newItemId, isAutomatic, endDate } = delivery.payload
        if (!isAutomatic) return []
        return [
          {
            userId: sellerId,
            template: 'relisted',
            aggregateId: id,
            sequence: delivery.sequence ?? 0,
            data: { itemId: newItemId, endDate },
            happenedAt: eventInstant(delivery),
          },
        ]
      })
      await recordNotices(tx, notices)
    },
  })

/** Those who watch an item are notified of its new round, once. */
export const onWatchedRelisted = () =>
  projection({
    ...kind,
    batchMax: WATCHED_BATCH_MAX,
    contract: itemWatchedRelisted,
    async handle(tx: Transaction<Database>, deliveries) {
      const notices = deliveries.flatMap((delivery): NewNotice[] => {
        const { newItemId, userIds, endDate } = delivery.payload
        return userIds.map((userId) => ({
          userId,
          template: 'watched_relisted',
          aggregateId: newItemId,
          sequence: 1,
          data: { itemId: newItemId, endDate },
          happenedAt: eventInstant(delivery),
        }))
      })
      await recordNotices(tx, notices)
    },
  })

function aboutEnding(
  template: 'unsold' | 'item_removed',
  delivery: Delivery<{ id: string; sellerId: string; reason: string }>,
): NewNotice {
  const { id, sellerId, reason } = delivery.payload
  return {
    userId: sellerId,
    template,
    aggregateId: id,
    sequence: delivery.sequence ?? 0,
    data: { itemId: id, reason: excerptOf(reason, REASON_CHARACTERS_MAX) },
    happenedAt: eventInstant(delivery),
  }
}
