// Generated from the migrations by `npm run db:types`; do not edit. What the database does not know
// is in schema.ts.

import type { ColumnType } from 'kysely'

export type Generated<T> =
  T extends ColumnType<infer S, infer I, infer U>
    ? ColumnType<S, I | undefined, U>
    : ColumnType<T, T | undefined, T>

export type Numeric = ColumnType<string, number | string, number | string>

export type Timestamp = ColumnType<Date, Date | string, Date | string>

export interface BidderChecks {
  bidder_id: string
  due_at: Timestamp
}

export interface BidderItems {
  bidder_id: string
  item_id: string
}

export interface Categories {
  created_at: Generated<Timestamp>
  description: Generated<string>
  id: string
  name: string
  parent_id: string | null
  status: Generated<'active' | 'hidden'>
  updated_at: Generated<Timestamp>
}

export interface CategoryAttributes {
  category_id: string
  choices: string[] | null
  key: string
  kind: 'text' | 'number' | 'choice'
  label: string
  unit: string | null
}

export interface CategoryPlacesBefore {
  category_id: string
  parent_id: string | null
  until: Generated<Timestamp>
}

export interface Comments {
  author_id: string
  content: string
  created_at: Generated<Timestamp>
  id: string
  item_id: string
  kind: 'comment' | 'question' | 'answer'
  parent_id: string | null
  root_id: string
  state: Generated<'visible' | 'deleted' | 'hidden' | 'removed'>
  state_changed_at: Timestamp | null
  state_changed_by: string | null
}

export interface DepartedUsers {
  due_at: Generated<Timestamp>
  left_at: Generated<Timestamp>
  user_id: string
}

export interface ImageDeletions {
  attempted_at: Timestamp | null
  due_at: Timestamp
  image_id: string
}

export interface Inbox {
  consumer: string
  message_id: string
  received_at: Generated<Timestamp>
}

export interface InboxAttempts {
  attempts: number
  consumer: string
  last_at: Generated<Timestamp>
  message_id: string
}

export interface ItemAttributes {
  created_at: Generated<Timestamp>
  id: string
  item_id: string
  key: string
  number: Numeric | null
  value: string
}

export interface ItemBuyers {
  buyer_id: string
  is_cancelled: Generated<boolean>
  is_offer: Generated<boolean>
  item_id: string
  order_sequence: Generated<bigint>
  price: bigint | null
  reason: string | null
  sold_at: Timestamp | null
}

export interface ItemCategoriesBefore {
  category_ids: string[]
  item_id: string
  until: Generated<Timestamp>
}

export interface ItemImages {
  alt_text: Generated<string>
  created_at: Generated<Timestamp>
  height: number
  id: string
  item_id: string
  position: number
  sent_digest: Buffer | null
  width: number
}

export interface ItemImports {
  body_hash: string
  idempotency_key: string
  imported_at: Generated<Timestamp>
  item_ids: string[]
  seller_id: string
}

export interface ItemRanking {
  bid_count: number
  currency_code: string
  current_price: bigint
  item_id: string
}

export interface ItemRemovals {
  attempted_at: Generated<Timestamp>
  item_id: string
  lot_state: 'none' | 'to_cancel' | 'done'
  reason: string
  removed_at: Generated<Timestamp>
  removed_by: string
  status_before: string
  trace: ColumnType<unknown, string, string>
}

export interface Items {
  auto_relists: Generated<number>
  bid_count: Generated<number>
  bid_increment: bigint | null
  bid_sequence: Generated<bigint>
  buy_now_available: boolean
  buyer_id: string | null
  buyout_price: bigint | null
  buyout_reservation_minutes: number | null
  category_ids: Generated<string[]>
  closed_at: Timestamp | null
  closed_sequence: bigint | null
  created_at: Generated<Timestamp>
  currency_code: string
  current_price: bigint
  deposit_amount: bigint | null
  deposit_percent: number | null
  description: Generated<string>
  end_date: Timestamp
  end_price: bigint | null
  end_reason: string | null
  event_sequence: Generated<bigint>
  extension_count: Generated<number>
  extension_duration_minutes: Generated<number>
  extension_mode: Generated<'from_end' | 'from_bid'>
  extension_threshold_minutes: number | null
  id: string
  max_extension_minutes: Generated<number>
  max_extensions: Generated<number>
  name: string
  original_end_date: Timestamp
  outcome: 'sold' | 'bought_now' | 'no_bids' | 'reserve_not_met' | 'cancelled' | null
  published_at: Timestamp | null
  relist_after: Generated<Timestamp>
  relist_of: string | null
  relist_price_drop_percent: Generated<number>
  relisted_as: string | null
  reservation_sequence: Generated<bigint>
  reserve_met: boolean
  reserve_price: bigint | null
  reserve_sequence: Generated<bigint>
  round: Generated<number>
  seller_id: string
  start_date: Timestamp
  start_price: bigint
  status: Generated<
    | 'draft'
    | 'scheduled'
    | 'active'
    | 'reserved'
    | 'ended'
    | 'sold'
    | 'expired'
    | 'cancelled'
    | 'removed'
  >
  terms_applied_version: Generated<number>
  terms_attempted_at: Timestamp | null
  terms_version: Generated<number>
  type: Generated<'english' | 'sealed_first' | 'sealed_second' | 'dutch' | 'reverse'>
  updated_at: Generated<Timestamp>
  version: Generated<number>
}

export interface ItemSearch {
  document: string
  item_id: string
  name: string
}

export interface ItemWithdrawals {
  agreed_at: Timestamp | null
  asked_at: Generated<Timestamp>
  item_id: string
  reason: string
}

export interface LateBids {
  bid_at: Timestamp
  bidder_id: string
  item_id: string
}

export interface LegacyBids {
  amount: bigint
  bid_key: string
  item_id: string
  seen_at: Generated<Timestamp>
}

export interface ModerationActions {
  action:
    | 'item_removed'
    | 'item_restored'
    | 'comment_removed'
    | 'comment_restored'
    | 'report_dismissed'
  actor_id: string
  at: Generated<Timestamp>
  comment_id: string | null
  item_id: string
  reason: string | null
  report_id: string | null
  seq: Generated<bigint>
}

export interface Outbox {
  created_at: Generated<Timestamp>
  events: ColumnType<unknown, string, string>
  id: string
  sent_at: Timestamp | null
  seq: Generated<bigint>
}

export interface Relists {
  attempted_at: Generated<Timestamp>
  changes: ColumnType<unknown, string, string>
  done_at: Timestamp | null
  idempotency_key: string | null
  is_automatic: boolean
  item_id: string
  new_item_id: string
  requested_at: Generated<Timestamp>
  trace: ColumnType<unknown, string, string>
}

export interface Reports {
  comment_id: string | null
  created_at: Generated<Timestamp>
  decided_at: Timestamp | null
  decided_by: string | null
  id: string
  item_id: string
  note: Generated<string>
  reason: 'counterfeit' | 'prohibited' | 'misleading' | 'offensive' | 'spam' | 'other' | 'words'
  reporter_id: string | null
  state: Generated<'open' | 'upheld' | 'dismissed'>
}

export interface ReviewFlags {
  details: ColumnType<unknown, string, string>
  first_seen_at: Generated<Timestamp>
  kind: 'only_one_seller' | 'never_wins' | 'new_account_last_seconds' | 'same_address'
  last_seen_at: Generated<Timestamp>
  subject_id: string
  user_id: string
}

export interface SavedSearches {
  attributes: ColumnType<unknown, string, string>
  category_id: string | null
  created_at: Generated<Timestamp>
  currency_code: string | null
  deleted_at: Timestamp | null
  ending_within_minutes: number | null
  filters: ColumnType<unknown, string, string>
  has_buy_now: boolean | null
  id: string
  max_price: bigint | null
  min_price: bigint | null
  name: string
  seller_id: string | null
  statuses: string[]
  type: string | null
  user_id: string
  words: string | null
}

export interface SavedSearchMatches {
  item_id: string
  matched_at: Generated<Timestamp>
  saved_search_id: string
}

export interface SearchMatchings {
  after_search_id: string | null
  attempts: Generated<number>
  item_id: string
  queued_at: Generated<Timestamp>
  reason: 'published' | 'started' | 'restored'
  retry_at: Timestamp | null
  seq: Generated<bigint>
  status: string | null
}

export interface TermsChanges {
  attempted_at: Generated<Timestamp>
  changes: ColumnType<unknown, string, string>
  item_id: string
  requested_at: Generated<Timestamp>
  requires_no_bids: boolean
  terms_version: number
  trace: ColumnType<unknown, string, string>
}

export interface UserRegistrations {
  registered_at: Timestamp
  user_id: string
}

export interface Watches {
  created_at: Generated<Timestamp>
  item_id: string
  user_id: string
}

export interface WordChecks {
  comment_id: string | null
  item_id: string
  seq: Generated<bigint>
}

export interface DB {
  bidder_checks: BidderChecks
  bidder_items: BidderItems
  categories: Categories
  category_attributes: CategoryAttributes
  category_places_before: CategoryPlacesBefore
  comments: Comments
  departed_users: DepartedUsers
  image_deletions: ImageDeletions
  inbox: Inbox
  inbox_attempts: InboxAttempts
  item_attributes: ItemAttributes
  item_buyers: ItemBuyers
  item_categories_before: ItemCategoriesBefore
  item_images: ItemImages
  item_imports: ItemImports
  item_ranking: ItemRanking
  item_removals: ItemRemovals
  item_search: ItemSearch
  item_withdrawals: ItemWithdrawals
  items: Items
  late_bids: LateBids
  legacy_bids: LegacyBids
  moderation_actions: ModerationActions
  outbox: Outbox
  relists: Relists
  reports: Reports
  review_flags: ReviewFlags
  saved_search_matches: SavedSearchMatches
  saved_searches: SavedSearches
  search_matchings: SearchMatchings
  terms_changes: TermsChanges
  user_registrations: UserRegistrations
  watches: Watches
  word_checks: WordChecks
}
