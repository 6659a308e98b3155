import type { Consumer } from '@auction/common/rabbitmq/consumer.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { onBidClosed } from './consumers/bid-closed.ts'
import { onBidLost } from './consumers/bid-lost.ts'
import { onBidPlaced } from './consumers/bid-placed.ts'
import { onBidReserveMet } from './consumers/bid-reserve-met.ts'
import { onBidWon } from './consumers/bid-won.ts'
import { onUserDeleted } from './consumers/user-deleted.ts'
import { onUserRegistered } from './consumers/user-registered.ts'
import type { ItemEvents } from './item-events.ts'

/** Everything the auction worker consumes: what bid says of the lots, who is new and who left. */
export function createConsumers(events: ItemEvents): Consumer<Database>[] {
  return [
    onBidPlaced(events),
    onBidReserveMet(),
    onBidClosed(events),
    onBidWon(events),
    onBidLost(),
    onUserRegistered(),
    onUserDeleted(),
  ]
}
