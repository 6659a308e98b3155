-- An item goes into a new round as an item of its own, so the bids of each round stay as they were. How often that happens by
-- itself, and by how much the start price falls each time, is its seller's choice. No old row has any, so the checks are
-- validated in the next migration, which keeps no one out.
alter table items
  add column relist_of uuid,
  add column relisted_as uuid,
  add column auto_relists integer not null default 0,
  add column relist_price_drop_percent integer not null default 0,
  -- When bid is asked next whether the time has come.
  add column relist_after timestamptz not null default '-infinity',
  add constraint item_auto_relists_in_bounds check (auto_relists between 0 and 5) not valid,
  add constraint item_price_drop_in_bounds check (relist_price_drop_percent between 0 and 90) not valid,
  add constraint item_relists_another check (relist_of <> id and relisted_as <> id) not valid;

-- A relist that bid has yet to allow, or that is done. The row is the intent, committed before the call, and it names the
-- new item, so that a call whose answer was lost is made again for the same one.
create table relists (
  item_id uuid primary key references items (id),
  new_item_id uuid not null unique,
  is_automatic boolean not null,
  -- What the seller changes, as sent.
  changes jsonb not null,
  idempotency_key text,
  trace jsonb not null,
  requested_at timestamptz not null default clock_timestamp(),
  attempted_at timestamptz not null default clock_timestamp(),
  done_at timestamptz
);
create index relists_pending on relists (attempted_at) where done_at is null;

-- Who bought an item that was sold, as the events of orders and offers say it: an order may be cancelled and reopened, and an
-- offer accepted in between. The sequence is the order's.
create table item_buyers (
  item_id uuid not null references items (id),
  buyer_id uuid not null,
  price bigint check (price > 0),
  sold_at timestamptz,
  is_offer boolean not null default false,
  is_cancelled boolean not null default false,
  reason text,
  order_sequence bigint not null default 0,
  primary key (item_id, buyer_id)
);
