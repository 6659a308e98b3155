import {
  offerAccepted,
  offerDeclined,
  offerExpired,
  offerMade,
  offerWithdrawn,
} from '@auction/common/contracts/bid.ts'
import type { EventContract } from '@auction/common/contracts/event.ts'
import { projection } from '@auction/common/rabbitmq/consumer.ts'
import type { Transaction } from 'kysely'
import type { NewNotice, Template } from '#src/domain/notices.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { eventInstant } from './event-instant.ts'
import { recordNotices } from './record-notices.ts'

const BATCH_MAX = 200

/** A consumer of one event of offers: which side it notifies of what. */
const onOfferEvent = (
  contract: EventContract<typeof offerMade.payload>,
  side: 'sellerId' | 'userId',
  template: Template,
) =>
  projection({
    kind: 'projection',
    consumer: 'notification',
    contract,
    batchMax: BATCH_MAX,
    async handle(tx: Transaction<Database>, deliveries) {
      await recordNotices(
        tx,
        deliveries.map((delivery): NewNotice => {
          const { offerId, itemId, amount, currencyCode, expiresAt, sequence } = delivery.payload
          return {
            userId: delivery.payload[side],
            template,
            aggregateId: offerId,
            sequence,
            data: { offerId, itemId, amount, currencyCode, endDate: expiresAt },
            happenedAt: eventInstant(delivery),
          }
        }),
      )
    },
  })

/** Offers: the bidder is notified of what is offered, the seller of what becomes of it. An order notifies the buyer. */
export const onOfferEvents = () => [
  onOfferEvent(offerMade, 'userId', 'offer_made'),
  onOfferEvent(offerWithdrawn, 'userId', 'offer_withdrawn'),
  onOfferEvent(offerAccepted, 'sellerId', 'offer_accepted'),
  onOfferEvent(offerDeclined, 'sellerId', 'offer_declined'),
  onOfferEvent(offerExpired, 'sellerId', 'offer_expired'),
]
