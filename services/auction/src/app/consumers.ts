import type { Consumer } from '@auction/common/rabbitmq/consumer.ts'
import { onBidLost } from '#src/app/bidder-review/bid-lost.ts'
import { onUserRegistered } from '#src/app/bidder-review/user-registered.ts'
import { onBidClosed } from '#src/app/bidding/bid-closed.ts'
import { onBidExtended } from '#src/app/bidding/bid-extended.ts'
import { onBidPlaced } from '#src/app/bidding/bid-placed.ts'
import { onBidReserveMet } from '#src/app/bidding/bid-reserve-met.ts'
import { onBidWon } from '#src/app/bidding/bid-won.ts'
import { onBidBuyNow, onBidReleased } from '#src/app/bidding/reservations.ts'
import { onOfferAccepted, onOrderCancelled, onOrderReopened } from '#src/app/bidding/sales.ts'
import { onUserDeleted } from '#src/app/departures/user-deleted.ts'
import type { ItemEvents } from '#src/app/item/item-events.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

/** Everything that the auction worker consumes. */
export function createConsumers(events: ItemEvents): Consumer<Database>[] {
  return [
    onBidPlaced(events),
    onBidReserveMet(),
    onBidExtended(events),
    onBidClosed(events),
    onBidWon(events),
    onBidBuyNow(events),
    onBidReleased(events),
    onBidLost(),
    onOfferAccepted(events),
    onOrderCancelled(events),
    onOrderReopened(events),
    onUserRegistered(),
    onUserDeleted(),
  ]
}
