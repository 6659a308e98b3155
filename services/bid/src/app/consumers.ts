import type { Consumer } from '@auction/common/rabbitmq/consumer.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { onStandingEvents } from './consumers/bidder-standing.ts'
import { onDepositEvents } from './consumers/held-deposits.ts'
import { onItemRemoved, onItemRestored } from './consumers/item-hidden.ts'
import { type ItemPublishedDependencies, onItemPublished } from './consumers/item-published.ts'
import { onOrderCancelled } from './consumers/order-cancelled.ts'
import { onOrderReopened } from './consumers/order-reopened.ts'
import type { ReleaseDependencies } from './release-reservations.ts'

/** Everything that the bid worker consumes. */
export function createConsumers(
  dependencies: ItemPublishedDependencies & ReleaseDependencies,
): Consumer<Database>[] {
  return [
    onItemPublished(dependencies),
    onItemRemoved(),
    onItemRestored(),
    onOrderCancelled(dependencies),
    onOrderReopened(),
    ...onStandingEvents(),
    ...onDepositEvents(),
  ]
}
