import type { Narrow } from '@auction/common/postgres/database.ts'
import type { Trace } from '@auction/common/telemetry/tracing.ts'
import type { ItemStatus } from '#src/domain/item.ts'
import type * as tables from './tables.ts'

type JsonObject = Record<string, unknown>

export type ItemsTable = tables.Items
export type CommentsTable = tables.Comments
export type CategoryAttributesTable = tables.CategoryAttributes
export type ItemAttributesTable = tables.ItemAttributes
export type ItemImagesTable = tables.ItemImages

/** The tables as tables.ts generates them, with the types that the database does not know. */
export interface Database extends Omit<tables.DB, keyof Narrowed>, Narrowed {}

interface Narrowed {
  terms_changes: Narrow<tables.TermsChanges, { changes: JsonObject; trace: Trace }>
  item_removals: Narrow<tables.ItemRemovals, { status_before: ItemStatus; trace: Trace }>
  review_flags: Narrow<tables.ReviewFlags, { details: JsonObject }>
  saved_searches: Narrow<
    tables.SavedSearches,
    { filters: JsonObject; statuses: ItemStatus[]; attributes: unknown[] }
  >
  search_matchings: Narrow<tables.SearchMatchings, { status: ItemStatus }>
}
