import type { ColumnType, Generated } from 'kysely'
import type { CommentKind, CommentState } from '#src/domain/comment.ts'
import type { ExtensionMode, ItemStatus, ItemType, Outcome } from '#src/domain/item.ts'
import type { ModerationAction, ReportReason, ReportState } from '#src/domain/moderation.ts'
import type { FlagKind } from '#src/domain/review-flags.ts'

type Instant = ColumnType<Date, Date | string, Date | string>
type Json<T> = ColumnType<T, string, string>

export interface ItemsTable {
  id: string
  seller_id: string
  name: string
  description: string
  type: ItemType
  currency_code: string
  start_price: bigint
  bid_increment: bigint | null
  reserve_price: bigint | null
  buyout_price: bigint | null
  start_date: Instant
  original_end_date: Instant
  extension_threshold_minutes: number | null
  extension_duration_minutes: number
  extension_mode: ExtensionMode
  max_extension_minutes: number
  max_extensions: number
  status: Generated<ItemStatus>
  round: Generated<number>
  terms_version: Generated<number>
  terms_applied_version: Generated<number>
  terms_attempted_at: ColumnType<Date | null, never, Date | string>
  version: Generated<number>
  event_sequence: Generated<bigint>
  created_at: Generated<Date>
  updated_at: ColumnType<Date, Date | string | undefined, Date | string>
  published_at: ColumnType<Date | null, never, Date | string>
  end_date: Instant
  current_price: bigint
  bid_count: Generated<number>
  reserve_met: boolean
  buy_now_available: boolean
  bid_sequence: Generated<bigint>
  reserve_sequence: Generated<bigint>
  closed_sequence: bigint | null
  closed_at: Instant | null
  outcome: Outcome | null
  end_reason: string | null
  buyer_id: string | null
  end_price: bigint | null
  category_ids: Generated<string[]>
}

export interface TermsChangesTable {
  item_id: string
  terms_version: number
  changes: Json<Record<string, unknown>>
  requires_no_bids: boolean
  trace: Json<{ traceparent: string; traceId: string; correlationId: string }>
  requested_at: Generated<Date>
  attempted_at: ColumnType<Date, Date | undefined, Date | string>
}

export interface LegacyBidsTable {
  bid_key: string
  item_id: string
  amount: bigint
  seen_at: Generated<Date>
}

export interface CommentsTable {
  id: string
  item_id: string
  root_id: string
  parent_id: string | null
  author_id: string
  kind: CommentKind
  content: string
  state: Generated<CommentState>
  state_changed_by: string | null
  state_changed_at: Instant | null
  created_at: Generated<Date>
}

export interface CategoriesTable {
  id: string
  parent_id: string | null
  name: string
  description: string
  status: 'active' | 'hidden'
  created_at: Generated<Date>
  updated_at: ColumnType<Date, Date | undefined, Date | string>
}

export interface CategoryAttributesTable {
  category_id: string
  key: string
  label: string
  kind: 'text' | 'number' | 'choice'
  unit: string | null
  choices: string[] | null
}

export interface ItemAttributesTable {
  id: string
  item_id: string
  key: string
  value: string
  number: string | null
  created_at: Generated<Date>
}

export interface ItemSearchTable {
  item_id: string
  document: string
  name: string
}

export interface ItemImagesTable {
  id: string
  item_id: string
  position: number
  alt_text: Generated<string>
  width: number
  height: number
  created_at: Generated<Date>
}

export interface ImageDeletionsTable {
  image_id: string
  due_at: Instant
  attempted_at: ColumnType<Date | null, never, Date | string>
}

export interface ReportsTable {
  id: string
  item_id: string
  comment_id: string | null
  reporter_id: string | null
  reason: ReportReason
  note: Generated<string>
  state: Generated<ReportState>
  created_at: Generated<Date>
  decided_at: Instant | null
  decided_by: string | null
}

export interface ItemRemovalsTable {
  item_id: string
  reason: string
  removed_by: string
  removed_at: Generated<Date>
  status_before: ItemStatus
  lot_state: 'none' | 'to_cancel' | 'done'
  trace: Json<{ traceparent: string; traceId: string; correlationId: string }>
  attempted_at: Generated<Date>
}

export interface ModerationActionsTable {
  seq: Generated<bigint>
  at: Generated<Date>
  actor_id: string
  action: ModerationAction
  item_id: string
  comment_id: string | null
  report_id: string | null
  reason: string | null
}

export interface ItemImportsTable {
  seller_id: string
  idempotency_key: string
  body_hash: string
  item_ids: string[]
  imported_at: Generated<Date>
}

export interface ReviewFlagsTable {
  kind: FlagKind
  user_id: string
  subject_id: string
  details: Json<Record<string, unknown>>
  first_seen_at: Generated<Date>
  last_seen_at: Generated<Date>
}

export interface WatchesTable {
  item_id: string
  user_id: string
  created_at: Generated<Date>
}

export interface ItemWithdrawalsTable {
  item_id: string
  reason: string
  asked_at: Generated<Date>
  agreed_at: Generated<Date | null>
}

export interface SavedSearchesTable {
  id: string
  user_id: string
  name: string
  filters: Json<Record<string, unknown>>
  words: string | null
  statuses: ItemStatus[]
  category_id: string | null
  type: string | null
  seller_id: string | null
  currency_code: string | null
  min_price: bigint | null
  max_price: bigint | null
  /** Of searches that an earlier version saved. */
  ending_within_minutes: Generated<number | null>
  has_buy_now: boolean | null
  attributes: Json<unknown[]>
  created_at: Generated<Date>
  deleted_at: Generated<Date | null>
}

export interface SearchMatchingsTable {
  seq: Generated<bigint>
  item_id: string
  reason: 'published' | 'started' | 'restored'
  status: ItemStatus | null
  attempts: Generated<number>
  retry_at: Generated<Date | null>
  queued_at: Generated<Date>
  after_search_id: string | null
}

export interface DepartedUsersTable {
  user_id: string
  left_at: Generated<Date>
  due_at: Generated<Date>
}

export interface Database {
  departed_users: DepartedUsersTable
  item_withdrawals: ItemWithdrawalsTable
  saved_searches: SavedSearchesTable
  search_matchings: SearchMatchingsTable
  watches: WatchesTable
  review_flags: ReviewFlagsTable
  item_imports: ItemImportsTable
  reports: ReportsTable
  item_removals: ItemRemovalsTable
  moderation_actions: ModerationActionsTable
  items: ItemsTable
  terms_changes: TermsChangesTable
  legacy_bids: LegacyBidsTable
  comments: CommentsTable
  categories: CategoriesTable
  category_attributes: CategoryAttributesTable
  item_attributes: ItemAttributesTable
  item_search: ItemSearchTable
  item_images: ItemImagesTable
  image_deletions: ImageDeletionsTable
}
