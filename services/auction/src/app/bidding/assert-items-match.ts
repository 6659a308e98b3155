import { PermanentError } from '@auction/common/rabbitmq/consumer.ts'
import type { ProjectedItem } from '#src/infra/postgres/bidding/bid-projection.ts'

/**
 * Fails the batch when one of its events has no item here, or another currency than its item. The
 * consumer then splits the batch. An unknown item is retried, because a restored database may lag
 * behind; a wrong currency is not.
 */
export function assertItemsMatch(
  items: readonly ProjectedItem[],
  events: readonly { itemId: string; currencyCode: string }[],
): void {
  const currencies = new Map(items.map((item) => [item.id, item.currencyCode]))
  for (const { itemId, currencyCode } of events) {
    const expected = currencies.get(itemId)
    if (expected === undefined) throw new Error(`item ${itemId} is not known or not published`)
    if (expected !== currencyCode) {
      throw new PermanentError(`item ${itemId} is sold in ${expected}, not ${currencyCode}`)
    }
  }
}
