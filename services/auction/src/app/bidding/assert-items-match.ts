import { PermanentError } from '@auction/common/rabbitmq/consumer.ts'
import type { ProjectedItem } from '#src/infra/postgres/bidding/bid-projection.ts'

/**
 * Fails the batch when one of its events has no item here, or is in another currency than its item.
 * The runner then takes the batch apart. An unknown item may still come (publishing commits before
 * the lot exists, but a restored database may lag), so that is worth a retry; a currency is not.
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
