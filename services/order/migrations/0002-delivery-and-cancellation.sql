-- A bank that takes money back: while it is open the order is not completed.
alter table orders add column chargeback text check (chargeback in ('opened', 'won', 'lost'));

-- What the sweep of orders that may not go on joins with.
create index orders_unpaid on orders (buyer_id, item_id) where state in ('pending_payment', 'overdue');

alter table timers drop constraint timers_kind_check;
alter table timers add constraint timers_kind_check check (kind in ('reminder', 'overdue', 'cancel',
  'deliver', 'complete', 'erase_address'));

-- Where a parcel goes to, sealed; deleted some months after the order is over.
create table addresses (
  order_id uuid primary key references orders (id),
  sealed bytea not null,
  key_id text not null,
  updated_at timestamptz not null default clock_timestamp()
);

create table shipments (
  id uuid primary key,
  order_id uuid not null references orders (id),
  carrier text not null,
  -- Empty: the carrier gave none.
  tracking_number text not null,
  shipped_at timestamptz not null,
  constraint parcel_named_once unique (order_id, carrier, tracking_number)
);

-- The code that a buyer shows when collecting; only its digest.
create table collection_codes (
  order_id uuid primary key references orders (id),
  digest bytea not null,
  wrong_tries integer not null default 0,
  made_at timestamptz not null default clock_timestamp()
);

-- One side asked the other to agree to a cancellation.
create table cancellation_requests (
  order_id uuid primary key references orders (id),
  asked_by text not null check (asked_by in ('buyer', 'seller')),
  asked_at timestamptz not null
);

-- Items that a moderator hid: their orders that are not paid are cancelled.
create table removed_items (
  item_id uuid primary key,
  removed_at timestamptz not null default clock_timestamp()
);

-- Who may buy, as identity published it last.
create table standings (
  user_id uuid primary key,
  standing text not null check (standing in ('ok', 'suspended', 'deleted')),
  sequence bigint not null,
  updated_at timestamptz not null default clock_timestamp()
);
create index standings_barred on standings (user_id) where standing <> 'ok';
