import type { EventContract } from '@auction/common/contracts/event.ts'
import {
  paymentDepositCaptured,
  paymentDepositExpiring,
  paymentDepositHeld,
  paymentDepositReleased,
} from '@auction/common/contracts/payment.ts'
import { projection } from '@auction/common/rabbitmq/consumer.ts'
import type { Transaction } from 'kysely'
import type { Static, TObject } from 'typebox'
import type { NewNotice, NoticeData, Template } from '#src/domain/notices.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { eventInstant } from './event-instant.ts'
import { recordNotices } from './record-notices.ts'

const BATCH_MAX = 200

/** What every event of a deposit says. */
interface DepositPayload {
  readonly depositId: string
  readonly itemId: string
  readonly bidderId: string
  readonly amount: string
  readonly currencyCode: string
  readonly sequence: number
}

/** A consumer of one event of deposits, which notifies the bidder: with which data besides the amount; undefined: not at all. */
const onDepositEvent = <P extends TObject>(
  contract: EventContract<P>,
  template: Template,
  dataOf: (payload: Static<P> & DepositPayload) => NoticeData | undefined,
) =>
  projection({
    kind: 'projection',
    consumer: 'notification',
    contract,
    batchMax: BATCH_MAX,
    async handle(tx: Transaction<Database>, deliveries) {
      const notices = deliveries.flatMap((delivery): NewNotice[] => {
        const payload = delivery.payload as Static<P> & DepositPayload
        const { depositId, itemId, bidderId, amount, currencyCode, sequence } = payload
        const data = dataOf(payload)
        if (data === undefined) return []
        return [
          {
            userId: bidderId,
            template,
            aggregateId: depositId,
            sequence,
            data: { itemId, amount, currencyCode, ...data },
            happenedAt: eventInstant(delivery),
          },
        ]
      })
      await recordNotices(tx, notices)
    },
  })

const endOf = (heldUntil: string | undefined): NoticeData =>
  heldUntil === undefined ? {} : { endDate: heldUntil }

/** Deposits: the bidder is notified of what becomes of them, but not of a hold that a newer one replaced. */
export const onDepositEvents = () => [
  onDepositEvent(paymentDepositHeld, 'deposit_held', ({ heldUntil }) => endOf(heldUntil)),
  onDepositEvent(paymentDepositExpiring, 'deposit_expiring', ({ heldUntil }) => endOf(heldUntil)),
  onDepositEvent(paymentDepositReleased, 'deposit_released', ({ reason, wasTaken }) =>
    reason === 'replaced' ? undefined : { reason: wasTaken === true ? 'returned' : reason },
  ),
  onDepositEvent(paymentDepositCaptured, 'deposit_captured', ({ orderId }) => ({ orderId })),
]
