-- A buyer pays one or several orders of one seller at once, with one attempt at one provider. Another try is another payment.
create table payments (
  id uuid primary key,
  buyer_id uuid not null,
  seller_id uuid not null,
  currency_code text not null check (currency_code ~ '^[A-Z]{3}$'),
  amount bigint not null check (amount > 0),
  provider text not null,
  -- How often the orders were tried to be paid, this payment included.
  attempt integer not null check (attempt >= 1),
  -- created: the provider may not know of it yet. open: the buyer can pay. authorised: the provider holds the money.
  -- claimed: the orders are ours, and the money is taken next. mismatch: an operator decides.
  state text not null check (state in (
    'created', 'open', 'processing', 'authorised', 'claimed', 'captured', 'failed', 'expired', 'cancelled', 'mismatch'
  )),
  -- Why it is over, or what the last card answered.
  code text,
  -- By which the provider knows it.
  reference text,
  charge_reference text,
  next_url text,
  return_url text not null,
  description text not null,
  expires_at timestamptz not null,
  hold_ends_at timestamptz,
  refunded_amount bigint not null default 0,
  idempotency_key text not null,
  request_hash bytea not null check (octet_length(request_hash) = 32),
  -- Counts committed changes.
  sequence integer not null default 1,
  traceparent text not null,
  correlation_id text not null,
  created_at timestamptz not null default clock_timestamp(),
  captured_at timestamptz,
  -- When the worker looks at it next; null: there is nothing to look at.
  due_at timestamptz,
  -- Raised by whoever wants a look, so that a look in progress does not swallow the wish.
  wakes integer not null default 0,
  -- Looks in a row that found no provider or no order service.
  failures integer not null default 0,
  unique (buyer_id, idempotency_key),
  unique (provider, reference),
  unique (provider, charge_reference),
  constraint payment_parties_differ check (seller_id <> buyer_id),
  constraint payment_refunds_fit check (refunded_amount between 0 and amount),
  constraint payment_refunds_follow_capture check (refunded_amount = 0 or captured_at is not null),
  constraint payment_captured_has_an_instant check ((state = 'captured') = (captured_at is not null))
);
create index payments_due on payments (due_at) where due_at is not null;
create index payments_of_buyer on payments (buyer_id, created_at);
create index payments_by_capture on payments (provider, captured_at) where captured_at is not null;

create table payment_orders (
  payment_id uuid not null references payments (id),
  order_id uuid not null,
  item_id uuid not null,
  -- Its price and what its delivery costs, and the buyer's premium.
  seller_gross bigint not null check (seller_gross >= 0),
  premium bigint not null check (premium >= 0),
  -- Refunds that were not refused, those under way included.
  refunded_amount bigint not null default 0,
  -- False as soon as the payment is over without money.
  is_live boolean not null default true,
  primary key (payment_id, order_id),
  constraint payment_order_is_of_something check (seller_gross + premium > 0),
  constraint payment_order_refunds_fit check (refunded_amount between 0 and seller_gross + premium)
);
-- One live payment for each order: while one may still succeed, there is no second.
create unique index payment_orders_live on payment_orders (order_id) where is_live;
create index payment_orders_of_order on payment_orders (order_id);

create table refunds (
  id uuid primary key,
  payment_id uuid not null,
  order_id uuid not null,
  amount bigint not null check (amount > 0),
  reason text not null check (length(reason) between 1 and 500),
  -- Null: the platform, by what a moderator decided about a dispute.
  requested_by uuid,
  state text not null check (state in ('pending', 'done', 'failed')),
  code text,
  reference text,
  idempotency_key text not null,
  created_at timestamptz not null default clock_timestamp(),
  done_at timestamptz,
  foreign key (payment_id, order_id) references payment_orders (payment_id, order_id),
  unique (payment_id, idempotency_key)
);
create index refunds_pending on refunds (created_at) where state = 'pending';

-- What the provider is asked to do. The row is committed as sending before the request, so after a crash it is known
-- that the request may have been sent; it is sent again with the same key, after a look that does not show its effect.
create table payment_operations (
  id uuid primary key,
  payment_id uuid not null references payments (id),
  kind text not null check (kind in ('begin', 'capture', 'cancel', 'refund')),
  refund_id uuid references refunds (id),
  key text not null unique,
  -- done: the provider accepted it. failed: it refused. unknown: it may have been done.
  state text not null check (state in ('planned', 'sending', 'done', 'failed', 'unknown')),
  code text,
  tries integer not null default 0,
  created_at timestamptz not null default clock_timestamp(),
  sent_at timestamptz,
  constraint payment_operation_of_a_refund check ((kind = 'refund') = (refund_id is not null))
);
create unique index payment_operations_once on payment_operations (payment_id, kind) where kind <> 'refund';
create unique index payment_operations_of_refund on payment_operations (refund_id) where refund_id is not null;
create index payment_operations_unsettled on payment_operations (sent_at) where state in ('sending', 'unknown');

-- What providers reported. A report only says that a payment is to be looked at.
create table provider_events (
  provider text not null,
  event_id text not null check (length(event_id) between 1 and 200),
  kind text not null,
  -- Names by which a payment may be known.
  "references" text[] not null,
  -- orphan: no payment is known by these names yet; it may have come before our own answer.
  state text not null check (state in ('taken', 'orphan', 'ignored')),
  payment_id uuid references payments (id),
  body bytea not null,
  received_at timestamptz not null default clock_timestamp(),
  primary key (provider, event_id)
);
create index provider_events_orphans on provider_events (received_at) where state = 'orphan';
create index provider_events_by_time on provider_events (received_at);

create table payment_disputes (
  provider text not null,
  reference text not null,
  payment_id uuid not null references payments (id),
  amount bigint not null check (amount > 0),
  state text not null check (state in ('open', 'won', 'lost')),
  evidence_due_at timestamptz,
  opened_at timestamptz not null default clock_timestamp(),
  closed_at timestamptz,
  primary key (provider, reference)
);
create index payment_disputes_of_payment on payment_disputes (payment_id);

-- Where the books of a provider and ours differ. An operator closes each of them.
create table payment_differences (
  id uuid primary key,
  provider text not null,
  kind text not null check (kind in (
    'unknown_charge', 'missing_charge', 'captured_amount', 'refunded_amount', 'mismatch', 'foreign_refund', 'dispute'
  )),
  reference text not null,
  payment_id uuid references payments (id),
  ours text not null,
  theirs text not null,
  found_at timestamptz not null default clock_timestamp(),
  closed_at timestamptz,
  note text check (length(note) between 1 and 500),
  constraint payment_difference_closed_with_a_note check ((closed_at is null) = (note is null))
);
create unique index payment_differences_open on payment_differences (provider, kind, reference)
  where closed_at is null;
