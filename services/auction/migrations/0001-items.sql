-- What sellers list, and the public read model of its bidding. The bid service owns the live state;
-- the columns under "read model" mirror it from events.
create table items (
  id uuid primary key,
  seller_id uuid not null,
  name text not null check (char_length(name) between 1 and 200),
  description text not null default '' check (char_length(description) <= 10000),
  type text not null default 'english'
    check (type in ('english', 'sealed_first', 'sealed_second', 'dutch', 'reverse')),
  currency_code text not null check (currency_code ~ '^[A-Z]{3}$'),
  start_price bigint not null check (start_price > 0),
  bid_increment bigint check (bid_increment > 0),
  reserve_price bigint check (reserve_price >= start_price),
  buyout_price bigint check (buyout_price > start_price),
  start_date timestamptz not null,
  -- The end the seller chose. end_date below is the one that counts: extensions move it.
  original_end_date timestamptz not null,
  -- Null: the default, shrunk to half of a short auction.
  extension_threshold_minutes integer check (extension_threshold_minutes between 0 and 1440),
  extension_duration_minutes integer not null default 5
    check (extension_duration_minutes between 0 and 1440),
  extension_mode text not null default 'from_end' check (extension_mode in ('from_end', 'from_bid')),
  max_extension_minutes integer not null default 60
    check (max_extension_minutes between 0 and 10080),
  max_extensions integer not null default 0 check (max_extensions between 0 and 10000),
  status text not null default 'draft' check (status in (
    'draft', 'scheduled', 'active', 'reserved', 'ended', 'sold', 'expired', 'cancelled', 'removed'
  )),
  round integer not null default 1 check (round >= 1),
  -- The number of the terms bidders bid under; 0 before publishing. The second is how far the bid
  -- service is known to have them; the sweeper pushes whatever lies between.
  terms_version integer not null default 0 check (terms_version >= 0),
  terms_applied_version integer not null default 0,
  terms_attempted_at timestamptz,
  -- Counts the seller's changes, for optimistic updates. Bids do not touch it.
  version integer not null default 1 check (version >= 1),
  event_sequence bigint not null default 0,
  created_at timestamptz not null default clock_timestamp(),
  updated_at timestamptz not null default clock_timestamp(),
  published_at timestamptz,

  -- Read model. Each kind of event arrives on its own queue and has its own guard. Nothing here is
  -- checked against the terms above: an event may overtake the edit it follows.
  end_date timestamptz not null,
  current_price bigint not null check (current_price > 0),
  bid_count integer not null default 0 check (bid_count >= 0),
  reserve_met boolean not null,
  buy_now_available boolean not null,
  bid_sequence bigint not null default 0,
  reserve_sequence bigint not null default 0,
  closed_sequence bigint,
  closed_at timestamptz,
  outcome text
    check (outcome in ('sold', 'bought_now', 'no_bids', 'reserve_not_met', 'cancelled')),
  end_reason text check (char_length(end_reason) <= 60),
  buyer_id uuid,
  end_price bigint check (end_price > 0),

  constraint item_ends_after_start check (start_date < original_end_date),
  constraint item_buyout_over_reserve check (buyout_price > reserve_price),
  constraint item_seller_never_buys check (buyer_id <> seller_id),
  constraint item_sold_is_whole
    check (status <> 'sold' or num_nulls(buyer_id, end_price, outcome) = 0),
  constraint item_draft_is_unpublished check ((status = 'draft') = (published_at is null)),
  constraint item_published_has_terms check ((status = 'draft') = (terms_version = 0))
) with (fillfactor = 70);

-- Lists: by status and end, all public ones by end, and a seller's own. None of these columns
-- changes with an ordinary bid, so those updates stay HOT.
create index items_by_status on items (status, end_date, id);
create index items_public on items (end_date, id)
  where status in ('scheduled', 'active', 'reserved', 'ended', 'sold', 'expired');
create index items_of_seller on items (seller_id, end_date, id);
create index items_to_start on items (start_date) where status = 'scheduled';
create index items_unpushed on items (terms_attempted_at)
  where terms_applied_version < terms_version;

-- An edit of a published item that the bid service has yet to accept or refuse: at most one per
-- item. The row is the intent, committed before the call, so that an unknown outcome is finished.
create table terms_changes (
  item_id uuid primary key references items (id) on delete cascade,
  terms_version integer not null,
  changes jsonb not null,
  requires_no_bids boolean not null,
  -- The edit's trace, so that events of an edit finished later still belong to the request.
  trace jsonb not null,
  requested_at timestamptz not null default clock_timestamp(),
  attempted_at timestamptz not null default clock_timestamp()
);

-- Bids of producers that number nothing (the original's events): counted once each.
create table legacy_bids (
  bid_key text primary key,
  item_id uuid not null,
  amount bigint not null check (amount > 0),
  seen_at timestamptz not null default clock_timestamp()
);
