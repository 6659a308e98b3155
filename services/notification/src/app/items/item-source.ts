import {
  ITEM_SUMMARIES_MAX,
  ITEM_SUMMARIES_PATH,
  type ItemSummaries,
  type ItemSummary,
} from '@auction/common/contracts/item-summaries.ts'
import { serviceUnavailable } from '@auction/common/http/errors.ts'
import type { InternalClient } from '@auction/common/http/internal-client.ts'

/** Asks auction for items whose events came before this service. Unknown items are left out. */
export type ItemSource = (itemIds: readonly string[]) => Promise<ItemSummary[]>

export function createItemSource(auction: InternalClient): ItemSource {
  return async (itemIds) => {
    const found: ItemSummary[] = []
    for (let at = 0; at < itemIds.length; at += ITEM_SUMMARIES_MAX) {
      const { statusCode, body } = await auction.request<ItemSummaries>(
        'POST',
        ITEM_SUMMARIES_PATH,
        { itemIds: itemIds.slice(at, at + ITEM_SUMMARIES_MAX) },
      )
      if (statusCode !== 200) throw serviceUnavailable({ service: 'auction' })
      found.push(...body.items)
    }
    return found
  }
}
