import type { ColumnType, Generated } from 'kysely'

type Instant = ColumnType<Date, Date | string, Date | string>

export interface LotsTable {
  item_id: string
  seller_id: string
  type: string
  currency_code: string
  round: number
  terms_version: number
  phase: string
  start_price: bigint
  bid_increment: bigint | null
  reserve_price: bigint | null
  buy_now_price: bigint | null
  starts_at: Instant
  ends_at: Instant
  original_ends_at: Instant
  hard_ends_at: Instant
  extension_threshold_ms: bigint
  extension_duration_ms: bigint
  extension_mode: string
  max_extensions: number
  extension_count: number
  current_price: bigint | null
  leader_id: string | null
  leader_max: bigint | null
  leader_bid_id: string | null
  bid_count: number
  bidder_count: number
  reserve_met: boolean
  buy_now_available: boolean
  last_decided_at: Instant | null
  sequence: bigint
  outcome: string | null
  final_amount: bigint | null
  winner_id: string | null
  closed_at: Instant | null
  created_at: Generated<Date>
  updated_at: Generated<Date>
}

export interface BidsTable {
  id: string
  item_id: string
  bidder_id: string
  kind: 'manual' | 'proxy' | 'auto'
  outcome: 'leading' | 'outbid' | 'refused'
  max_amount: bigint | null
  price: bigint | null
  min_next_bid: bigint | null
  bid_count: number | null
  reserve_met: boolean | null
  ends_at: Instant | null
  extended: boolean | null
  sequence: bigint | null
  trigger_bid_id: string | null
  refusal_code: string | null
  refusal_details: unknown
  idempotency_key: string | null
  request_hash: string | null
  decided_at: Instant
  recorded_at: Instant
}

export interface LotBiddersTable {
  item_id: string
  bidder_id: string
  number: number
}

export interface ResultsTable {
  item_id: string
  round: number
  outcome: string
  winner_id: string | null
  final_amount: bigint | null
  bid_id: string | null
  bid_count: number
  closed_at: Instant
}

export interface TermsChangesTable {
  item_id: string
  sequence: bigint
  terms_version: number
  previous_terms_version: number
  reserve_price: bigint | null
  previous_reserve_price: bigint | null
  price: bigint
  decided_at: Instant
}

export interface BidderStandingsTable {
  user_id: string
  standing: 'ok' | 'suspended' | 'deleted'
  sequence: bigint
  updated_at: Generated<Date>
}

export interface SellerBlocksTable {
  seller_id: string
  bidder_id: string
  item_id: string | null
  bidder_number: number | null
  created_at: Generated<Date>
}

export interface OutboxTable {
  id: string
  seq: Generated<bigint>
  events: string
  created_at: Generated<Date>
  sent_at: Date | null
}

export interface Database {
  lots: LotsTable
  bids: BidsTable
  lot_bidders: LotBiddersTable
  results: ResultsTable
  terms_changes: TermsChangesTable
  bidder_standings: BidderStandingsTable
  seller_blocks: SellerBlocksTable
  outbox: OutboxTable
}
