import {
  offerAccepted,
  offerDeclined,
  offerExpired,
  offerMade,
  offerWithdrawn,
} from '@auction/common/contracts/bid.ts'
import { createEvent, type OutboxEvent } from '@auction/common/contracts/event.ts'
import { formatAmount } from '@auction/common/money.ts'
import type { Trace } from '@auction/common/telemetry/tracing.ts'
import type { Lot } from '#src/domain/lot.ts'
import type { Offer } from '#src/domain/offer.ts'
import { isoInstant } from './lot-view.ts'

// An offer is made and ends: its two events are numbered so.
const MADE = 1
const ENDED = 2

/** The event of what an offer has become. */
export function offerEvent(
  { itemId, sellerId, round, currencyCode }: Lot,
  offer: Offer,
  trace: Trace,
  withdrawnBy: 'seller' | 'relisted' = 'seller',
): OutboxEvent {
  const { offerId, bidId, userId, kind, unit, state } = offer
  const sequence = state === 'open' ? MADE : ENDED
  const context = { aggregateId: offerId, sequence, trace }
  const payload = {
    offerId,
    itemId,
    bidId,
    sellerId,
    userId,
    kind,
    amount: formatAmount(offer.amount, currencyCode),
    currencyCode,
    round,
    unit,
    expiresAt: isoInstant(offer.expiresAtMs),
    timestamp: isoInstant(offer.endedAtMs ?? offer.madeAtMs),
    sequence,
  }
  switch (state) {
    case 'open':
      return createEvent(offerMade, context, payload)
    case 'accepted':
      return createEvent(offerAccepted, context, payload)
    case 'declined':
      return createEvent(offerDeclined, context, payload)
    case 'expired':
      return createEvent(offerExpired, context, payload)
    case 'withdrawn':
      return createEvent(offerWithdrawn, context, { ...payload, reason: withdrawnBy })
  }
}
