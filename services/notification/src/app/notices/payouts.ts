import {
  paymentPayoutAccountChanged,
  paymentPayoutAccountNeeded,
  paymentPayoutFailed,
  paymentPayoutSent,
} from '@auction/common/contracts/payment.ts'
import { projection } from '@auction/common/rabbitmq/consumer.ts'
import type { Transaction } from 'kysely'
import type { Database } from '#src/infra/postgres/schema.ts'
import { eventInstant } from './event-instant.ts'
import { recordNotices } from './record-notices.ts'

const common = { kind: 'projection', consumer: 'notification', batchMax: 200 } as const

const onPayoutEnded = (
  contract: typeof paymentPayoutSent | typeof paymentPayoutFailed,
  template: 'payout_sent' | 'payout_failed',
) =>
  projection({
    ...common,
    contract,
    async handle(tx: Transaction<Database>, deliveries) {
      const notices = deliveries.map((delivery) => {
        const { payoutId, sellerId, amount, currencyCode, sequence } = delivery.payload
        return {
          userId: sellerId,
          template,
          aggregateId: payoutId,
          sequence,
          data: { amount, currencyCode },
          happenedAt: eventInstant(delivery),
        }
      })
      await recordNotices(tx, notices)
    },
  })

/** Only what stops payouts is news: a seller who opens an account looks at it anyway. */
const onPayoutAccountChanged = () =>
  projection({
    ...common,
    contract: paymentPayoutAccountChanged,
    async handle(tx: Transaction<Database>, deliveries) {
      const restricted = deliveries.filter(({ payload }) => payload.state === 'restricted')
      const notices = restricted.map((delivery) => ({
        userId: delivery.payload.sellerId,
        template: 'payout_account_restricted' as const,
        aggregateId: delivery.payload.sellerId,
        sequence: delivery.payload.sequence,
        data: {},
        happenedAt: eventInstant(delivery),
      }))
      await recordNotices(tx, notices)
    },
  })

const onPayoutAccountNeeded = () =>
  projection({
    ...common,
    contract: paymentPayoutAccountNeeded,
    async handle(tx: Transaction<Database>, deliveries) {
      const notices = deliveries.map((delivery) => {
        const { sellerId, amount, currencyCode, sequence } = delivery.payload
        return {
          userId: sellerId,
          template: 'payout_account_needed' as const,
          aggregateId: sellerId,
          sequence,
          data: { amount, currencyCode },
          happenedAt: eventInstant(delivery),
        }
      })
      await recordNotices(tx, notices)
    },
  })

/** Payouts to sellers: what was sent or failed, and what keeps the next ones back. */
export const onPayoutEvents = () => [
  onPayoutEnded(paymentPayoutSent, 'payout_sent'),
  onPayoutEnded(paymentPayoutFailed, 'payout_failed'),
  onPayoutAccountChanged(),
  onPayoutAccountNeeded(),
]
