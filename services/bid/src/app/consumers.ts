import type { Consumer } from '@auction/common/rabbitmq/consumer.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { onStandingEvents } from './consumers/bidder-standing.ts'
import { type ItemPublishedDependencies, onItemPublished } from './consumers/item-published.ts'

/** Everything that the bid worker consumes. */
export function createConsumers(dependencies: ItemPublishedDependencies): Consumer<Database>[] {
  return [onItemPublished(dependencies), ...onStandingEvents()]
}
