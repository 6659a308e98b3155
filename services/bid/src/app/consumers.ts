import type { Consumer } from '@auction/common/rabbitmq/consumer.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { bidderStandingConsumers } from './consumers/bidder-standing.ts'
import {
  type ItemPublishedDependencies,
  itemPublishedConsumer,
} from './consumers/item-published.ts'

/** Everything that the bid worker consumes. */
export function createConsumers(dependencies: ItemPublishedDependencies): Consumer<Database>[] {
  return [itemPublishedConsumer(dependencies), ...bidderStandingConsumers()]
}
