import type { Consumer } from '@auction/common/rabbitmq/consumer.ts'
import type { SecretBox } from '@auction/common/secret-box.ts'
import { onUserDeleted } from '#src/app/departures/user-deleted.ts'
import { onItemCreated, onItemUpdated } from '#src/app/items/item-events.ts'
import { onBidClosed, onBidExtended, onBidPlaced } from '#src/app/lots/lot-events.ts'
import {
  onBidBuyNow,
  onBidLost,
  onBidOutbid,
  onBidReleased,
  onBidWon,
} from '#src/app/notices/bidding.ts'
import { onCommentCreated } from '#src/app/notices/comments.ts'
import { onDepositEvents } from '#src/app/notices/deposits.ts'
import { onOfferEvents } from '#src/app/notices/offers.ts'
import { onOrderEvents } from '#src/app/notices/orders.ts'
import { onPayoutEvents } from '#src/app/notices/payouts.ts'
import { onSearchMatched } from '#src/app/notices/searches.ts'
import {
  onItemExpired,
  onItemRelisted,
  onItemRemoved,
  onWatchedRelisted,
} from '#src/app/notices/selling.ts'
import { onUserRegistered } from '#src/app/preferences/user-registered.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { onMailRequested } from './mail/mail-requested.ts'

/** Everything that the notification worker consumes. */
export function createConsumers({ seal }: { seal: SecretBox }): Consumer<Database>[] {
  return [
    onMailRequested(seal),
    onBidPlaced(),
    onBidExtended(),
    onBidClosed(),
    onBidOutbid(),
    onBidWon(),
    onBidLost(),
    onBidBuyNow(),
    onBidReleased(),
    onItemCreated(),
    onItemUpdated(),
    onItemExpired(),
    onItemRemoved(),
    onItemRelisted(),
    onWatchedRelisted(),
    ...onOfferEvents(),
    ...onOrderEvents(),
    ...onPayoutEvents(),
    ...onDepositEvents(),
    onCommentCreated(),
    onSearchMatched(),
    onUserRegistered(),
    onUserDeleted(),
  ]
}
