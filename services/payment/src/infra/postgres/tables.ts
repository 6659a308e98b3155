// Generated from the migrations by `npm run db:types`; do not edit. What the database does not know
// is in schema.ts.

import type { ColumnType } from 'kysely'

export type Generated<T> =
  T extends ColumnType<infer S, infer I, infer U>
    ? ColumnType<S, I | undefined, U>
    : ColumnType<T, T | undefined, T>

export type Timestamp = ColumnType<Date, Date | string, Date | string>

export interface Approvals {
  amount: bigint | null
  asked_at: Generated<Timestamp>
  asked_by: string
  command: ColumnType<unknown, string, string>
  currency_code: string | null
  decided_at: Timestamp | null
  decided_by: string | null
  expires_at: Timestamp
  id: string
  idempotency_key: string | null
  kind: 'refund' | 'commission_rate' | 'tax_rate' | 'tax_status' | 'payout_outcome'
  result_id: string | null
  state: Generated<'open' | 'executed' | 'rejected' | 'expired'>
  subject: string | null
  subject_id: string | null
  version: string | null
}

export interface CommissionRates {
  basis_points: number
  category_id: string | null
  created_at: Generated<Timestamp>
  created_by: string
  currency_code: string | null
  id: string
  max_amount: bigint | null
  min_amount: bigint | null
  seller_id: string | null
  valid_from: Timestamp
  valid_to: Timestamp | null
}

export interface DepositOperations {
  code: string | null
  created_at: Generated<Timestamp>
  deposit_id: string
  id: string
  key: string
  kind: 'begin' | 'capture' | 'cancel' | 'refund'
  sent_at: Timestamp | null
  state: 'planned' | 'sending' | 'done' | 'failed' | 'unknown'
  tries: Generated<number>
}

export interface Deposits {
  amount: bigint
  bidder_id: string
  charge_reference: string | null
  code: string | null
  correlation_id: string
  created_at: Generated<Timestamp>
  currency_code: string
  due_at: Timestamp | null
  ended_at: Timestamp | null
  expires_at: Timestamp
  expiring_at: Timestamp | null
  failures: Generated<number>
  held_at: Timestamp | null
  hold_ends_at: Timestamp | null
  id: string
  idempotency_key: string
  item_id: string
  lot_check_at: Timestamp | null
  lot_ends_at: Timestamp
  next_url: string | null
  order_id: string | null
  provider: string
  reference: string | null
  request_hash: Buffer
  return_url: string
  return_wished_at: Timestamp | null
  returned_at: Timestamp | null
  seller_id: string
  seller_percent: number
  sequence: Generated<number>
  state:
    | 'requested'
    | 'held'
    | 'released'
    | 'captured'
    | 'returned'
    | 'expired'
    | 'failed'
    | 'mismatch'
  traceparent: string
  wakes: Generated<number>
  wish: 'release' | 'capture' | null
  wish_reason: string | null
  wished_at: Timestamp | null
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

export interface InvoiceDocuments {
  invoice_id: string
  pdf: Buffer
  rendered_at: Generated<Timestamp>
  sha256: Buffer
}

export interface Invoices {
  corrects: string | null
  currency_code: string
  entry_id: bigint
  id: string
  issued_at: Timestamp
  net: bigint
  number: bigint
  order_id: string
  payment_id: string
  series: string
  sha256: Buffer
  snapshot: string
  tax: bigint
  user_id: string
}

export interface InvoiceSeries {
  last_number: Generated<bigint>
  series: 'commission' | 'commission_credit' | 'premium' | 'premium_credit'
}

export interface InvoiceTasks {
  due_at: Generated<Timestamp>
  entry_id: bigint
  failures: Generated<number>
  problem: string | null
}

export interface LedgerEntries {
  id: Generated<bigint>
  key: string
  kind:
    | 'capture'
    | 'release'
    | 'refund'
    | 'refund_paid'
    | 'refund_failed'
    | 'dispute_opened'
    | 'dispute_won'
    | 'dispute_lost'
    | 'payout_sent'
    | 'payout_done'
    | 'payout_failed'
    | 'payout_reversed'
    | 'payout_returned'
    | 'provider_cost'
    | 'deposit_captured'
    | 'deposit_returned'
    | 'deposit_refunded'
    | 'correction'
  lines: number
  order_id: string | null
  payment_id: string | null
  posted_at: Generated<Timestamp>
}

export interface LedgerPostings {
  account: string
  amount: bigint
  currency_code: string
  entry_id: bigint
  line: number
  lines: number
}

export interface LedgerSeals {
  digest: Buffer
  entry_id: bigint
  previous_digest: Buffer
  sequence: bigint
}

export interface Outbox {
  created_at: Generated<Timestamp>
  events: ColumnType<unknown, string, string>
  id: string
  sent_at: Timestamp | null
  seq: Generated<bigint>
}

export interface OwedRefunds {
  amount: bigint
  created_at: Generated<Timestamp>
  id: string
  order_id: string
  payment_id: string
  source: string
  state: Generated<string>
}

export interface PaymentDifferences {
  closed_at: Timestamp | null
  found_at: Generated<Timestamp>
  id: string
  kind:
    | 'unknown_charge'
    | 'missing_charge'
    | 'captured_amount'
    | 'refunded_amount'
    | 'mismatch'
    | 'foreign_refund'
    | 'dispute'
    | 'unknown_transfer'
    | 'missing_transfer'
    | 'transfer_amount'
  note: string | null
  ours: string
  payment_id: string | null
  payout_id: string | null
  provider: string
  reference: string
  theirs: string
}

export interface PaymentDisputes {
  amount: bigint
  closed_at: Timestamp | null
  evidence_due_at: Timestamp | null
  opened_at: Generated<Timestamp>
  payment_id: string
  provider: string
  reference: string
  state: 'inquiry' | 'open' | 'won' | 'lost' | 'closed'
}

export interface PaymentOperations {
  code: string | null
  created_at: Generated<Timestamp>
  id: string
  key: string
  kind: 'begin' | 'capture' | 'cancel' | 'refund'
  payment_id: string
  refund_id: string | null
  sent_at: Timestamp | null
  state: 'planned' | 'sending' | 'done' | 'failed' | 'unknown'
  tries: Generated<number>
}

export interface PaymentOrders {
  category_ids: string[] | null
  is_live: Generated<boolean>
  item_id: string
  order_id: string
  order_sequence: bigint | null
  payment_id: string
  premium: bigint
  refunded_amount: Generated<bigint>
  seller_gross: bigint
  settled_sequence: number | null
}

export interface Payments {
  amount: bigint
  attempt: number
  buyer_id: string
  captured_at: Timestamp | null
  charge_reference: string | null
  code: string | null
  correlation_id: string
  created_at: Generated<Timestamp>
  currency_code: string
  description: string
  due_at: Timestamp | null
  expires_at: Timestamp
  failures: Generated<number>
  hold_ends_at: Timestamp | null
  id: string
  idempotency_key: string
  next_check_at: Timestamp | null
  next_url: string | null
  provider: string
  reference: string | null
  refunded_amount: Generated<bigint>
  request_hash: Buffer
  return_url: string
  seller_id: string
  sequence: Generated<number>
  state:
    | 'created'
    | 'open'
    | 'processing'
    | 'authorised'
    | 'claimed'
    | 'captured'
    | 'failed'
    | 'expired'
    | 'cancelled'
    | 'mismatch'
  traceparent: string
  wakes: Generated<number>
}

export interface PayoutAccounts {
  changed_at: Generated<Timestamp>
  code: string | null
  next_look_at: Timestamp | null
  provider: string
  reference: string
  seller_id: string
  state: 'onboarding' | 'enabled' | 'restricted'
}

export interface PayoutCandidates {
  currency_code: string
  due_at: Generated<Timestamp>
  payable_since: Generated<Timestamp>
  seller_id: string
  traceparents: Generated<string[]>
  waits_for: 'minimum' | 'account' | 'payout' | 'interval' | 'provider' | null
}

export interface PayoutReversals {
  amount: bigint
  changed_at: Generated<Timestamp>
  code: string | null
  created_at: Generated<Timestamp>
  due_at: Generated<Timestamp>
  id: string
  is_foreign: Generated<boolean>
  payout_id: string
  reference: string | null
  refund_id: string | null
  state: Generated<'planned' | 'sending' | 'unknown' | 'done' | 'failed'>
  tries: Generated<number>
}

export interface Payouts {
  account_reference: string
  amount: bigint
  changed_at: Generated<Timestamp>
  code: string | null
  created_at: Generated<Timestamp>
  currency_code: string
  due_at: Generated<Timestamp>
  id: string
  next_check_at: Timestamp | null
  payable_since: Timestamp | null
  provider: string
  reference: string | null
  reversed_amount: Generated<bigint>
  seller_id: string
  state: Generated<'planned' | 'sending' | 'done' | 'failed' | 'unknown' | 'returned'>
  traceparents: Generated<string[]>
  tries: Generated<number>
}

export interface PayoutWaits {
  amount: bigint
  created_at: Generated<Timestamp>
  payout_id: string
  refund_id: string
}

export interface ProviderEvents {
  body: Buffer
  event_id: string
  kind: string
  payment_id: string | null
  provider: string
  received_at: Generated<Timestamp>
  references: string[]
  state: 'taken' | 'orphan' | 'ignored'
}

export interface Reconciliations {
  charges: Generated<bigint>
  compared_to: Timestamp | null
  created_at: Generated<Timestamp>
  differences: Generated<bigint>
  due_at: Generated<Timestamp>
  ended_at: Timestamp | null
  payments: Generated<bigint>
  provider: string
  transfers: Generated<bigint>
}

export interface Refunds {
  amount: bigint
  code: string | null
  created_at: Generated<Timestamp>
  done_at: Timestamp | null
  id: string
  idempotency_key: string
  order_id: string
  owed_id: string | null
  payment_id: string
  reason: string
  reference: string | null
  requested_by: string | null
  state: 'pending' | 'done' | 'failed'
}

export interface Sales {
  buyer_id: string
  captured_at: Generated<Timestamp>
  commission: bigint
  commission_basis_points: number
  commission_rate_id: string | null
  commission_tax: bigint
  commission_tax_basis_points: number
  commission_tax_reason:
    | 'standard'
    | 'reverse_charge'
    | 'exempt'
    | 'outside_scope'
    | 'not_registered'
  completed_at: Timestamp | null
  currency_code: string
  item_id: string
  jurisdiction: string | null
  order_id: string
  payment_id: string
  premium: bigint
  premium_tax: bigint
  premium_tax_basis_points: number
  premium_tax_reason: 'standard' | 'reverse_charge' | 'exempt' | 'outside_scope' | 'not_registered'
  provider: string
  seller_gross: bigint
  seller_id: string
}

export interface TaxRates {
  basis_points: number
  created_at: Generated<Timestamp>
  created_by: string
  id: string
  jurisdiction: string
  kind: 'commission' | 'premium'
  valid_from: Timestamp
  valid_to: Timestamp | null
}

export interface TaxStatuses {
  note: string
  reason: 'reverse_charge' | 'exempt' | 'outside_scope'
  set_at: Generated<Timestamp>
  set_by: string
  user_id: string
}

export interface UnrenderedInvoices {
  invoice_id: string
}

export interface UnsealedEntries {
  entry_id: bigint
}

export interface DB {
  approvals: Approvals
  commission_rates: CommissionRates
  deposit_operations: DepositOperations
  deposits: Deposits
  inbox: Inbox
  inbox_attempts: InboxAttempts
  invoice_documents: InvoiceDocuments
  invoice_series: InvoiceSeries
  invoice_tasks: InvoiceTasks
  invoices: Invoices
  ledger_entries: LedgerEntries
  ledger_postings: LedgerPostings
  ledger_seals: LedgerSeals
  outbox: Outbox
  owed_refunds: OwedRefunds
  payment_differences: PaymentDifferences
  payment_disputes: PaymentDisputes
  payment_operations: PaymentOperations
  payment_orders: PaymentOrders
  payments: Payments
  payout_accounts: PayoutAccounts
  payout_candidates: PayoutCandidates
  payout_reversals: PayoutReversals
  payout_waits: PayoutWaits
  payouts: Payouts
  provider_events: ProviderEvents
  reconciliations: Reconciliations
  refunds: Refunds
  sales: Sales
  tax_rates: TaxRates
  tax_statuses: TaxStatuses
  unrendered_invoices: UnrenderedInvoices
  unsealed_entries: UnsealedEntries
}
