import {
  bidBuyNow,
  bidLost,
  bidOutbid,
  bidReleased,
  bidWon,
} from '@auction/common/contracts/bid.ts'
import { projection } from '@auction/common/rabbitmq/consumer.ts'
import type { Transaction } from 'kysely'
import type { NewNotice } from '#src/domain/notices.ts'
import { readSeller } from '#src/infra/postgres/items/items.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { eventInstant } from './event-instant.ts'
import { recordNotices } from './record-notices.ts'

// A notice is recorded once, so a message that comes again records nothing; no inbox row is needed.
const kind = { kind: 'projection', consumer: 'notification' } as const
const BATCH_MAX = 200
// Each event may name 500 users.
const LOST_BATCH_MAX = 10

/** A leader was outbid. Whether it is still true is judged when the notice is shown, and when it is sent. */
export const onBidOutbid = () =>
  projection({
    ...kind,
    contract: bidOutbid,
    batchMax: BATCH_MAX,
    async handle(tx: Transaction<Database>, deliveries) {
      const notices = deliveries.map((delivery): NewNotice => {
        const { itemId, userId, currencyCode, currentPrice, minNextBid, endDate, sequence } =
          delivery.payload
        const amounts = minNextBid === undefined ? {} : { minNextBid }
        return {
          userId,
          template: 'outbid',
          aggregateId: itemId,
          sequence,
          data: { itemId, currencyCode, amount: currentPrice, ...amounts, endDate },
          happenedAt: eventInstant(delivery),
        }
      })
      await recordNotices(tx, notices)
    },
  })

/** A lot was sold: its buyer and its seller are notified. */
export const onBidWon = () =>
  projection({
    ...kind,
    contract: bidWon,
    batchMax: BATCH_MAX,
    async handle(tx: Transaction<Database>, deliveries) {
      const notices: NewNotice[] = []
      for (const delivery of deliveries) {
        const { itemId, buyerId, finalAmount, currencyCode, round = 0 } = delivery.payload
        const { sequence = delivery.sequence ?? round } = delivery.payload
        const sellerId = delivery.payload.sellerId ?? (await readSeller(tx, itemId))
        const about = {
          aggregateId: itemId,
          sequence,
          data: {
            itemId,
            amount: finalAmount,
            ...(currencyCode === undefined ? {} : { currencyCode }),
          },
          happenedAt: eventInstant(delivery),
        }
        notices.push({ ...about, template: 'won', userId: buyerId })
        if (sellerId !== undefined) notices.push({ ...about, template: 'sold', userId: sellerId })
      }
      await recordNotices(tx, notices)
    },
  })

/** Those who bid without winning: the lot was sold to another, or not at all. */
export const onBidLost = () =>
  projection({
    ...kind,
    contract: bidLost,
    batchMax: LOST_BATCH_MAX,
    async handle(tx: Transaction<Database>, deliveries) {
      const notices = deliveries.flatMap((delivery): NewNotice[] => {
        const { itemId, userIds, currencyCode, finalAmount, sequence } = delivery.payload
        const about = {
          aggregateId: itemId,
          sequence,
          happenedAt: eventInstant(delivery),
          ...(finalAmount === undefined
            ? { template: 'lot_unsold' as const, data: { itemId } }
            : { template: 'lost' as const, data: { itemId, currencyCode, amount: finalAmount } }),
        }
        return userIds.map((userId) => ({ ...about, userId }))
      })
      await recordNotices(tx, notices)
    },
  })

/**
 * A lot is reserved for a buyer: its seller is notified. The order notifies the buyer, and bid.won both of a lot
 * that was bought at once.
 */
export const onBidBuyNow = () =>
  projection({
    ...kind,
    contract: bidBuyNow,
    batchMax: BATCH_MAX,
    async handle(tx: Transaction<Database>, deliveries) {
      const notices = deliveries.flatMap((delivery): NewNotice[] => {
        const { itemId, sellerId, amount, currencyCode, reservedUntil, sequence } = delivery.payload
        if (reservedUntil === undefined) return []
        return [
          {
            userId: sellerId,
            template: 'reserved',
            aggregateId: itemId,
            sequence,
            data: { itemId, amount, currencyCode, endDate: reservedUntil },
            happenedAt: eventInstant(delivery),
          },
        ]
      })
      await recordNotices(tx, notices)
    },
  })

/** A reservation ended unpaid: the seller is notified that the auction goes on. Its order notifies the buyer. */
export const onBidReleased = () =>
  projection({
    ...kind,
    contract: bidReleased,
    batchMax: BATCH_MAX,
    async handle(tx: Transaction<Database>, deliveries) {
      await recordNotices(
        tx,
        deliveries.map((delivery): NewNotice => {
          const { itemId, sellerId, endDate, sequence } = delivery.payload
          return {
            userId: sellerId,
            template: 'released',
            aggregateId: itemId,
            sequence,
            data: { itemId, endDate },
            happenedAt: eventInstant(delivery),
          }
        }),
      )
    },
  })
