// Generated from the migrations by `npm run db:types`; do not edit. What the database does not know
// is in schema.ts.

import type { ColumnType } from 'kysely'

export type Generated<T> =
  T extends ColumnType<infer S, infer I, infer U>
    ? ColumnType<S, I | undefined, U>
    : ColumnType<T, T | undefined, T>

export type Timestamp = ColumnType<Date, Date | string, Date | string>

export interface Addresses {
  key_id: string
  order_id: string
  sealed: Buffer
  updated_at: Generated<Timestamp>
}

export interface CancellationRequests {
  asked_at: Timestamp
  asked_by: 'buyer' | 'seller'
  order_id: string
}

export interface CollectionCodes {
  digest: Buffer
  made_at: Generated<Timestamp>
  order_id: string
  wrong_tries: Generated<number>
}

export interface DisputeMessages {
  author: 'buyer' | 'seller' | 'moderator'
  author_id: string
  content: string
  dispute_id: string
  id: string
  written_at: Timestamp
}

export interface Disputes {
  answer_by: Timestamp
  id: string
  opened_at: Timestamp
  opened_by: string
  order_id: string
  reason: 'not_arrived' | 'not_as_described' | 'damaged' | 'other'
  refund_amount: bigint | null
  resolution: 'buyer' | 'seller' | 'withdrawn' | 'refunded' | null
  resolved_at: Timestamp | null
  resolved_by: string | null
}

export interface EndedPayments {
  ended_at: Generated<Timestamp>
  payment_id: string
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

export interface OrderChanges {
  act: string
  actor: 'buyer' | 'seller' | 'moderator' | 'platform'
  actor_id: string | null
  details: Generated<ColumnType<unknown, string, string>>
  happened_at: Timestamp
  order_id: string
  sequence: bigint
  state: string
}

export interface Orders {
  amount: bigint
  buyer_id: string
  cancel_at: Timestamp
  cancel_reason:
    | 'unpaid'
    | 'seller'
    | 'mutual'
    | 'buy_now_released'
    | 'suspended'
    | 'removed'
    | null
  category_ids: string[] | null
  changed_at: Generated<Timestamp>
  chargeback: 'opened' | 'won' | 'lost' | null
  chargeback_amount: bigint | null
  claimed_at: Timestamp | null
  claimed_by: string | null
  created_at: Generated<Timestamp>
  currency_code: string
  delivery: 'shipping' | 'collection' | null
  delivery_fee: Generated<bigint>
  due_at: Timestamp
  id: string
  item_id: string
  item_name: string | null
  paid_at: Timestamp | null
  paid_by: string | null
  premium: bigint
  purchase_id: string | null
  refund_asked_at: Timestamp | null
  refund_target: bigint | null
  refunded_total: Generated<bigint>
  reminders_sent: Generated<number>
  reserved_until: Timestamp | null
  resume_state: 'paid' | 'preparing' | 'shipped' | 'delivered' | 'collected' | null
  round: number
  seller_id: string
  sequence: bigint
  source: 'won' | 'buynow' | 'offer'
  state:
    | 'pending_payment'
    | 'overdue'
    | 'paid'
    | 'preparing'
    | 'shipped'
    | 'delivered'
    | 'collected'
    | 'completed'
    | 'disputed'
    | 'refund_pending'
    | 'refunded'
    | 'cancelled'
  time_left_seconds: number | null
  total: Generated<bigint>
  unit: number
  won_at: Timestamp
}

export interface OrderTraces {
  order_id: string
  traceparent: string
}

export interface Outbox {
  created_at: Generated<Timestamp>
  events: ColumnType<unknown, string, string>
  id: string
  sent_at: Timestamp | null
  seq: Generated<bigint>
}

export interface RemovedItems {
  is_removed: Generated<boolean>
  item_id: string
  removed_at: Generated<Timestamp>
  sequence: Generated<bigint>
}

export interface Shipments {
  carrier: string
  id: string
  order_id: string
  shipped_at: Timestamp
  tracking_number: string
}

export interface Standings {
  sequence: bigint
  standing: 'ok' | 'suspended' | 'deleted'
  updated_at: Generated<Timestamp>
  user_id: string
}

export interface StrikeCounters {
  sequence: bigint
  user_id: string
}

export interface Strikes {
  order_id: string
  recorded_at: Timestamp
  redeemed_at: Timestamp | null
  suspended_until: Timestamp | null
  user_id: string
}

export interface TakeBacks {
  due_at: Timestamp
  given_up_at: Timestamp | null
  order_id: string
  sequence: bigint
}

export interface Timers {
  due_at: Timestamp
  kind: 'reminder' | 'overdue' | 'cancel' | 'deliver' | 'complete' | 'erase_address'
  order_id: string
  tries: Generated<number>
}

export interface UnwantedPayments {
  order_id: string
  payment_id: string
  reason: string
  recorded_at: Generated<Timestamp>
}

export interface DB {
  addresses: Addresses
  cancellation_requests: CancellationRequests
  collection_codes: CollectionCodes
  dispute_messages: DisputeMessages
  disputes: Disputes
  ended_payments: EndedPayments
  inbox: Inbox
  inbox_attempts: InboxAttempts
  order_changes: OrderChanges
  order_traces: OrderTraces
  orders: Orders
  outbox: Outbox
  removed_items: RemovedItems
  shipments: Shipments
  standings: Standings
  strike_counters: StrikeCounters
  strikes: Strikes
  take_backs: TakeBacks
  timers: Timers
  unwanted_payments: UnwantedPayments
}
