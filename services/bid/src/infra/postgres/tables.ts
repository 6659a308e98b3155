// Generated from the migrations by `npm run db:types`; do not edit. What the database does not know
// is in schema.ts.

import type { ColumnType } from 'kysely'

export type Generated<T> =
  T extends ColumnType<infer S, infer I, infer U>
    ? ColumnType<S, I | undefined, U>
    : ColumnType<T, T | undefined, T>

export type Timestamp = ColumnType<Date, Date | string, Date | string>

export interface BidderStandings {
  sequence: bigint
  standing: 'ok' | 'suspended' | 'deleted'
  updated_at: Generated<Timestamp>
  user_id: string
}

export interface BiddingPeriods {
  since: Timestamp
  until: Timestamp
}

export interface Bids {
  bid_count: number | null
  bidder_id: string
  decided_at: Timestamp
  ends_at: Timestamp | null
  extended: boolean | null
  id: string
  idempotency_key: string | null
  item_id: string
  kind: 'manual' | 'proxy' | 'auto'
  max_amount: bigint | null
  min_next_bid: bigint | null
  outcome: 'leading' | 'outbid' | 'refused'
  price: bigint | null
  recorded_at: Timestamp
  refusal_code: string | null
  refusal_details: ColumnType<unknown, string, string> | null
  request_hash: string | null
  reserve_met: boolean | null
  sequence: bigint | null
  silent_raise: Generated<number>
  trigger_bid_id: string | null
}

export interface FreedUnits {
  buyer_id: string
  is_free: boolean
  is_offerable: Generated<boolean>
  item_id: string
  order_id: string
  round: number
  sequence: bigint
  unit: number
}

export interface HeldDeposits {
  amount: bigint
  bidder_id: string
  deposit_id: string
  held_until: Timestamp | null
  is_held: boolean
  item_id: string
  sequence: bigint
}

export interface HiddenItems {
  is_hidden: boolean
  item_id: string
  sequence: bigint
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

export interface LotBidders {
  bidder_id: string
  item_id: string
  number: number
}

export interface Lots {
  bid_count: Generated<number>
  bid_increment: bigint | null
  bidder_count: Generated<number>
  buy_now_available: boolean
  buy_now_mode: Generated<'immediate' | 'reserved'>
  buy_now_price: bigint | null
  buy_now_reservation_ms: Generated<bigint>
  closed_at: Timestamp | null
  created_at: Generated<Timestamp>
  currency_code: string
  current_price: bigint | null
  deposit: bigint | null
  ends_at: Timestamp
  extension_count: Generated<number>
  extension_duration_ms: bigint
  extension_mode: 'from_end' | 'from_bid'
  extension_threshold_ms: bigint
  final_amount: bigint | null
  hard_ends_at: Timestamp
  item_id: string
  last_decided_at: Timestamp | null
  leader_bid_id: string | null
  leader_id: string | null
  leader_max: bigint | null
  max_extensions: number
  original_ends_at: Timestamp
  outage_extended_at: Timestamp | null
  outage_extension_ms: Generated<bigint>
  outcome: 'sold' | 'bought_now' | 'no_bids' | 'reserve_not_met' | 'cancelled' | null
  phase: Generated<'open' | 'reserved' | 'closed' | 'cancelled'>
  purchase_id: string | null
  reserve_met: boolean
  reserve_price: bigint | null
  reserved_for: string | null
  reserved_until: Timestamp | null
  round: Generated<number>
  seller_id: string
  sequence: Generated<bigint>
  silent_raises: Generated<number>
  start_price: bigint
  starts_at: Timestamp
  terms_version: number
  type: Generated<'english' | 'sealed_first' | 'sealed_second' | 'dutch' | 'reverse'>
  updated_at: Generated<Timestamp>
  winner_id: string | null
}

export interface LotTraces {
  item_id: string
  sequence: bigint
  traceparent: string
}

export interface OfferOptOuts {
  since: Generated<Timestamp>
  user_id: string
}

export interface Offers {
  amount: bigint
  answer_key: string | null
  bid_id: string
  cascade_floor: bigint | null
  currency_code: string
  days: number
  ended_at: Timestamp | null
  expires_at: Timestamp
  id: string
  idempotency_key: string | null
  item_id: string
  kind: 'second_chance' | 'below_reserve'
  made_at: Timestamp
  request_hash: string | null
  round: number
  seller_id: string
  state: Generated<'open' | 'accepted' | 'declined' | 'expired' | 'withdrawn'>
  unit: number
  user_id: string
}

export interface OutageExtensions {
  decided_at: Timestamp
  ends_at: Timestamp
  item_id: string
  outage_from: Timestamp
  outage_until: Timestamp
  previous_ends_at: Timestamp
  sequence: bigint
}

export interface Outbox {
  created_at: Generated<Timestamp>
  events: ColumnType<unknown, string, string>
  id: string
  sent_at: Timestamp | null
  seq: Generated<bigint>
}

export interface Purchases {
  amount: bigint
  buyer_id: string
  decided_at: Timestamp
  ends_at: Timestamp
  id: string
  idempotency_key: string | null
  item_id: string
  recorded_at: Timestamp
  request_hash: string
  reserved_until: Timestamp | null
  round: number
  sequence: bigint
  terms_version: number
}

export interface Refusals {
  bid_id: string
  bidder_id: string
  decided_at: Timestamp
  idempotency_key: string
  item_id: string
  max_amount: bigint | null
  recorded_at: Timestamp
  refusal_code: string
  refusal_details: ColumnType<unknown, string, string> | null
  request_hash: string
}

export interface Relistings {
  is_automatic: boolean
  item_id: string
  new_item_id: string
  relisted_at: Timestamp
}

export interface ReservationEnds {
  decided_at: Timestamp
  is_by_buyer: Generated<boolean>
  item_id: string
  purchase_id: string
  reason: 'lapsed' | 'cancelled' | 'paid'
  recorded_at: Generated<Timestamp>
  sequence: bigint
}

export interface Results {
  bid_count: number
  bid_id: string | null
  closed_at: Timestamp
  final_amount: bigint | null
  item_id: string
  outcome: string
  round: number
  winner_id: string | null
}

export interface SellerBlocks {
  bidder_id: string
  bidder_number: number | null
  created_at: Generated<Timestamp>
  item_id: string | null
  seller_id: string
}

export interface TermsChanges {
  decided_at: Timestamp
  item_id: string
  previous_reserve_price: bigint | null
  previous_terms_version: number
  price: bigint
  reserve_price: bigint | null
  sequence: bigint
  terms_version: number
}

export interface DB {
  bidder_standings: BidderStandings
  bidding_periods: BiddingPeriods
  bids: Bids
  freed_units: FreedUnits
  held_deposits: HeldDeposits
  hidden_items: HiddenItems
  inbox: Inbox
  inbox_attempts: InboxAttempts
  lot_bidders: LotBidders
  lot_traces: LotTraces
  lots: Lots
  offer_opt_outs: OfferOptOuts
  offers: Offers
  outage_extensions: OutageExtensions
  outbox: Outbox
  purchases: Purchases
  refusals: Refusals
  relistings: Relistings
  reservation_ends: ReservationEnds
  results: Results
  seller_blocks: SellerBlocks
  terms_changes: TermsChanges
}
