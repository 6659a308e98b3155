-- What a bidder's card holds so that a lot takes the bids of that bidder (R-DEPOSIT-2). One row is one hold at one provider; another
-- hold is another row.
create table deposits (
  id uuid primary key,
  item_id uuid not null,
  bidder_id uuid not null,
  seller_id uuid not null,
  currency_code text not null check (currency_code ~ '^[A-Z]{3}$'),
  amount bigint not null check (amount > 0),
  -- What the seller gets of it if it is taken, as it was when the bidder agreed.
  seller_percent integer not null check (seller_percent between 0 and 100),
  provider text not null,
  -- requested: the bidder is on the page, or on the way to it. held: the card holds it. released, expired: it holds it no more.
  -- failed, and expired without held_at: it never did. mismatch: an operator decides.
  state text not null check (state in (
    'requested', 'held', 'released', 'captured', 'expired', 'failed', 'mismatch'
  )),
  -- Why it is over, or what the last card answered.
  code text,
  reference text,
  charge_reference text,
  next_url text,
  return_url text not null,
  expires_at timestamptz not null,
  -- The bank lets go then by itself.
  hold_ends_at timestamptz,
  -- What is to become of it, decided once; null: it is kept.
  wish text check (wish in ('release', 'capture')),
  wish_reason text,
  wished_at timestamptz,
  -- The order that was not paid.
  order_id uuid,
  -- The end of the lot as it was last read, and when bid is asked for the lot next; null: the lot is over.
  lot_ends_at timestamptz not null,
  lot_check_at timestamptz,
  -- The bidder was notified that the hold ends before the lot.
  expiring_at timestamptz,
  idempotency_key text not null,
  request_hash bytea not null check (octet_length(request_hash) = 32),
  -- Counts committed changes.
  sequence integer not null default 1,
  traceparent text not null,
  correlation_id text not null,
  created_at timestamptz not null default clock_timestamp(),
  held_at timestamptz,
  ended_at timestamptz,
  -- When the worker looks at it next; null: there is nothing to look at.
  due_at timestamptz,
  -- Raised by whoever wants a look, so that a look in progress does not swallow the wish.
  wakes integer not null default 0,
  -- Looks in a row that found no provider.
  failures integer not null default 0,
  unique (bidder_id, idempotency_key),
  unique (provider, reference),
  unique (provider, charge_reference),
  constraint deposit_parties_differ check (seller_id <> bidder_id),
  constraint deposit_wish_is_whole check ((wish is null) = (wished_at is null) and (wish is null) = (wish_reason is null)),
  constraint deposit_taken_for_an_order check ((wish = 'capture') is not true or order_id is not null),
  constraint deposit_taken_as_wished check (state <> 'captured' or (wish = 'capture' and held_at is not null)),
  constraint deposit_held_has_an_instant check (state <> 'held' or held_at is not null)
);
-- One page at a time; a newer hold may come beside the one that it replaces.
create unique index deposits_requested on deposits (item_id, bidder_id) where state = 'requested';
create index deposits_of_item on deposits (item_id, bidder_id) where state in ('requested', 'held');
create index deposits_of_bidder on deposits (bidder_id, created_at);
create index deposits_due on deposits (due_at) where due_at is not null;
create index deposits_lot_checks on deposits (lot_check_at) where lot_check_at is not null;
create index deposits_wished on deposits (wished_at) where state in ('requested', 'held') and wish is not null;
create index deposits_expiring on deposits (hold_ends_at)
  where state = 'held' and wish is null and expiring_at is null and lot_check_at is not null;
create index deposits_captured on deposits (provider, ended_at) where state = 'captured';

-- As payment_operations: committed before the request, and sent again with the same key after a look.
create table deposit_operations (
  id uuid primary key,
  deposit_id uuid not null references deposits (id),
  kind text not null check (kind in ('begin', 'capture', 'cancel')),
  key text not null unique,
  state text not null check (state in ('planned', 'sending', 'done', 'failed', 'unknown')),
  code text,
  tries integer not null default 0,
  created_at timestamptz not null default clock_timestamp(),
  sent_at timestamptz,
  unique (deposit_id, kind)
);
create index deposit_operations_unsettled on deposit_operations (sent_at) where state in ('sending', 'unknown');

alter table ledger_entries
  drop constraint ledger_entries_kind_check,
  add constraint ledger_entries_kind_check check (kind in (
    'capture', 'release', 'refund', 'refund_paid', 'refund_failed', 'dispute_opened', 'dispute_won',
    'dispute_lost', 'payout_sent', 'payout_done', 'payout_failed', 'payout_reversed', 'payout_returned',
    'provider_cost', 'deposit_captured', 'correction'
  )) not valid;

-- The platform's share of what is taken.
alter table ledger_postings
  drop constraint ledger_postings_account_check,
  add constraint ledger_postings_account_check check (account ~ (
    '^(clearing:[a-z][a-z0-9_]{0,31}'
    || '|seller:(pending|payable):[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}'
    || '|platform:(commission|premium|deposits)|tax:[A-Z]{2}(-[A-Z0-9]{1,3})?:(commission|premium)|provider:costs'
    || '|payout:in_transit|dispute:held|refund:due)$'
  )) not valid;
