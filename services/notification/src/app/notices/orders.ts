import type { EventContract } from '@auction/common/contracts/event.ts'
import {
  orderCancelled,
  orderCreated,
  orderDisputed,
  orderOverdue,
  orderPaid,
  orderReminder,
  orderReopened,
  orderResolved,
  orderShipped,
} from '@auction/common/contracts/order.ts'
import { projection } from '@auction/common/rabbitmq/consumer.ts'
import type { Transaction } from 'kysely'
import type { Static, TObject } from 'typebox'
import type { NewNotice, NoticeData, Template } from '#src/domain/notices.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { eventInstant } from './event-instant.ts'
import { recordNotices } from './record-notices.ts'

const BATCH_MAX = 200

interface Party {
  readonly userId: string
  readonly template: Template
}

/** What every event of an order says. */
interface OrderPayload {
  readonly orderId: string
  readonly itemId: string
  readonly buyerId: string
  readonly sellerId: string
  readonly sequence: number
}

/** A consumer of one event of orders: whom it notifies of what, and with which data besides the item. */
const onOrderEvent = <P extends TObject>(
  contract: EventContract<P>,
  partiesOf: (payload: Static<P> & OrderPayload) => readonly Party[],
  dataOf: (payload: Static<P> & OrderPayload) => NoticeData,
) =>
  projection({
    kind: 'projection',
    consumer: 'notification',
    contract,
    batchMax: BATCH_MAX,
    async handle(tx: Transaction<Database>, deliveries) {
      const notices = deliveries.flatMap((delivery): NewNotice[] => {
        const payload = delivery.payload as Static<P> & OrderPayload
        const { orderId, itemId, sequence } = payload
        return partiesOf(payload).map((party) => ({
          ...party,
          aggregateId: orderId,
          sequence,
          data: { orderId, itemId, ...dataOf(payload) },
          happenedAt: eventInstant(delivery),
        }))
      })
      await recordNotices(tx, notices)
    },
  })

const totalOf = ({ total, currencyCode }: { total: string; currencyCode: string }) => ({
  amount: total,
  currencyCode,
})

/** Orders: what is to be paid until when, what was paid, sent, cancelled and decided. */
export const onOrderEvents = () => [
  onOrderEvent(
    orderCreated,
    ({ buyerId: userId }) => [{ userId, template: 'order_due' }],
    (payload) => ({ ...totalOf(payload), endDate: payload.dueAt }),
  ),
  onOrderEvent(
    orderReminder,
    ({ buyerId: userId }) => [{ userId, template: 'order_reminder' }],
    (payload) => ({ ...totalOf(payload), endDate: payload.dueAt }),
  ),
  onOrderEvent(
    orderOverdue,
    ({ buyerId: userId }) => [{ userId, template: 'order_overdue' }],
    (payload) => ({ ...totalOf(payload), endDate: payload.cancelAt }),
  ),
  onOrderEvent(
    orderPaid,
    ({ buyerId, sellerId }) => [
      { userId: buyerId, template: 'order_paid' },
      { userId: sellerId, template: 'order_to_ship' },
    ],
    totalOf,
  ),
  onOrderEvent(
    orderShipped,
    ({ buyerId: userId }) => [{ userId, template: 'order_shipped' }],
    () => ({}),
  ),
  onOrderEvent(
    orderCancelled,
    ({ buyerId, sellerId, reason }) => [
      { userId: buyerId, template: 'purchase_cancelled' },
      // The item was not sold yet: bid.released notifies its seller that the auction goes on.
      ...(reason === 'buy_now_released'
        ? []
        : [{ userId: sellerId, template: 'sale_cancelled' } as const]),
    ],
    ({ reason }) => ({ reason }),
  ),
  onOrderEvent(
    orderReopened,
    ({ buyerId: userId }) => [{ userId, template: 'order_reopened' }],
    ({ total, currencyCode, dueAt }) => ({
      ...(total === undefined || currencyCode === undefined ? {} : { amount: total, currencyCode }),
      endDate: dueAt,
    }),
  ),
  onOrderEvent(
    orderDisputed,
    ({ sellerId: userId }) => [{ userId, template: 'order_disputed' }],
    ({ reason }) => ({ reason }),
  ),
  onOrderEvent(
    orderResolved,
    ({ buyerId, sellerId }) => [
      { userId: buyerId, template: 'purchase_resolved' },
      { userId: sellerId, template: 'sale_resolved' },
    ],
    ({ resolution, refundAmount, currencyCode }) => ({
      reason: resolution,
      ...(refundAmount === undefined ? {} : { amount: refundAmount, currencyCode }),
    }),
  ),
]
