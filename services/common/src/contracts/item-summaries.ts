import { type Static, Type } from 'typebox'
import { CurrencyCode, Instant, STRICT, Uuid } from '../http/schemas.ts'

/** POST to auction, for service tokens only: what items are called, who sells them, and in which categories they are. */
export const ITEM_SUMMARIES_PATH = '/internal/v1/item-summaries'
export const ITEM_SUMMARIES_MAX = 100

/** Stands between the paths of an item's categories: what is closest says nothing across paths, for sellers order them. */
export const NEXT_PATH = '00000000-0000-0000-0000-000000000000'

/** Five categories of six levels each, with what stands between. */
export const LINEAGE_MAX = 34

/**
 * `soldAt`: for each of the items the instant of which its categories are asked for; without it those of now. Another number of
 * instants than of items is refused. A version before refuses the field, as request.invalid_body of the field `soldAt`.
 */
export const ItemSummariesRequest = Type.Object(
  {
    itemIds: Type.Array(Uuid, { minItems: 1, maxItems: ITEM_SUMMARIES_MAX }),
    soldAt: Type.Optional(Type.Array(Instant, { minItems: 1, maxItems: ITEM_SUMMARIES_MAX })),
  },
  STRICT,
)
export type ItemSummariesRequest = Static<typeof ItemSummariesRequest>

/**
 * Items that are not known are left out. `sequence` is that of the item's latest event. `categoryIds`: each category of the
 * item with those above it, the closest first, path after path with NEXT_PATH between; a version before does not answer them.
 */
export const ItemSummaries = Type.Object({
  items: Type.Array(
    Type.Object({
      id: Uuid,
      sellerId: Uuid,
      name: Type.String(),
      currencyCode: CurrencyCode,
      sequence: Type.Integer({ minimum: 0 }),
      categoryIds: Type.Optional(Type.Array(Uuid)),
    }),
  ),
})
export type ItemSummaries = Static<typeof ItemSummaries>
export type ItemSummary = ItemSummaries['items'][number]
