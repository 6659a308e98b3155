-- A lot is what a seller's item is under the hammer. Every change of it is made under its row lock.
create table lots (
  item_id uuid primary key,
  seller_id uuid not null,
  type text not null default 'english'
    check (type in ('english', 'sealed_first', 'sealed_second', 'dutch', 'reverse')),
  currency_code text not null check (currency_code ~ '^[A-Z]{3}$'),
  round integer not null default 1 check (round >= 1),
  terms_version integer not null check (terms_version >= 1),
  phase text not null default 'open' check (phase in ('open', 'reserved', 'closed', 'cancelled')),
  start_price bigint not null check (start_price > 0),
  bid_increment bigint check (bid_increment > 0),
  reserve_price bigint check (reserve_price > 0),
  buy_now_price bigint check (buy_now_price > 0),
  starts_at timestamptz not null,
  ends_at timestamptz not null,
  original_ends_at timestamptz not null,
  hard_ends_at timestamptz not null,
  extension_threshold_ms bigint not null check (extension_threshold_ms >= 0),
  extension_duration_ms bigint not null check (extension_duration_ms >= 0),
  extension_mode text not null check (extension_mode in ('from_end', 'from_bid')),
  max_extensions integer not null check (max_extensions >= 0),
  extension_count integer not null default 0 check (extension_count >= 0),
  current_price bigint,
  leader_id uuid,
  leader_max bigint,
  leader_bid_id uuid,
  bid_count integer not null default 0 check (bid_count >= 0),
  bidder_count integer not null default 0 check (bidder_count >= 0),
  reserve_met boolean not null,
  buy_now_available boolean not null,
  last_decided_at timestamptz,
  sequence bigint not null default 0 check (sequence >= 0),
  outcome text check (outcome in ('sold', 'bought_now', 'no_bids', 'reserve_not_met', 'cancelled')),
  final_amount bigint,
  winner_id uuid,
  closed_at timestamptz,
  created_at timestamptz not null default clock_timestamp(),
  updated_at timestamptz not null default clock_timestamp(),
  constraint lot_ends_after_start check (starts_at < original_ends_at),
  constraint lot_end_within_hard_end
    check (original_ends_at <= ends_at and ends_at <= hard_ends_at),
  constraint lot_extensions_limited
    check (max_extensions = 0 or extension_count <= max_extensions),
  constraint lot_leader_is_whole check (
    num_nulls(current_price, leader_id, leader_max, leader_bid_id) in (0, 4)
    and (leader_id is null) = (bid_count = 0)
  ),
  constraint lot_price_within_bounds
    check (current_price is null or (start_price <= current_price and current_price <= leader_max)),
  constraint lot_seller_never_leads check (leader_id is distinct from seller_id),
  constraint lot_closed_has_outcome check ((phase = 'closed') = (closed_at is not null)),
  constraint lot_winner_only_when_sold
    check ((winner_id is not null) = (coalesce(outcome, '') in ('sold', 'bought_now')))
) with (fillfactor = 60);

-- The closer's list. Neither column changes with an ordinary bid, so those updates stay HOT.
create index lots_due on lots (ends_at) where phase = 'open';

-- The ledger: every judged bid, refused ones included, and the automatic counter-bids.
-- No foreign key to lots: its row is locked by the same transaction, so the check would only cost.
create table bids (
  id uuid primary key,
  item_id uuid not null,
  bidder_id uuid not null,
  kind text not null check (kind in ('manual', 'proxy', 'auto')),
  outcome text not null check (outcome in ('leading', 'outbid', 'refused')),
  -- The bidder's maximum; null when what was sent is no amount of the lot's currency.
  max_amount bigint check (max_amount > 0),
  -- State of the lot right after this bid; all null when refused.
  price bigint,
  min_next_bid bigint,
  bid_count integer,
  reserve_met boolean,
  ends_at timestamptz,
  extended boolean,
  sequence bigint,
  -- An automatic counter-bid names the bid that provoked it and shares its sequence.
  trigger_bid_id uuid,
  refusal_code text,
  refusal_details json,
  idempotency_key text,
  request_hash text,
  decided_at timestamptz not null,
  recorded_at timestamptz not null,
  constraint bid_accepted_is_whole check (
    (outcome = 'refused') = (sequence is null)
    and (outcome = 'refused') = (refusal_code is not null)
    and (sequence is null) = (price is null)
    and (sequence is null or max_amount is not null)
  ),
  constraint bid_auto_has_trigger check ((kind = 'auto') = (trigger_bid_id is not null))
);

-- One row per sequence, and beside it at most one automatic counter-bid; also the history's order.
create unique index bids_ledger on bids (item_id, sequence, (kind = 'auto'))
  where sequence is not null;
create unique index bids_idempotency on bids (bidder_id, idempotency_key)
  where idempotency_key is not null;
create index bids_of_bidder on bids (bidder_id, item_id, sequence)
  where sequence is not null and kind <> 'auto';
create index bids_refused_age on bids (recorded_at) where outcome = 'refused';

-- "bidder 3": the order of a bidder's first accepted bid on the lot, never changed afterwards.
create table lot_bidders (
  item_id uuid not null,
  bidder_id uuid not null,
  number integer not null check (number >= 1),
  primary key (item_id, bidder_id),
  unique (item_id, number)
);
create index lot_bidders_of_bidder on lot_bidders (bidder_id);

-- Changes of the terms under running bids (only the reserve, only downwards). They move the price
-- without being bids, so the replay of a ledger needs them at their place in the sequence.
create table terms_changes (
  item_id uuid not null,
  sequence bigint not null,
  terms_version integer not null,
  previous_terms_version integer not null,
  reserve_price bigint,
  previous_reserve_price bigint,
  price bigint not null,
  decided_at timestamptz not null,
  primary key (item_id, sequence)
);

-- One result per lot and round: whoever tries to close twice is stopped here at the latest.
create table results (
  item_id uuid not null,
  round integer not null,
  outcome text not null,
  winner_id uuid,
  final_amount bigint,
  bid_id uuid,
  bid_count integer not null,
  closed_at timestamptz not null,
  primary key (item_id, round)
);

-- The ledger is append-only. Only refused bids may be purged, when their retention is over.
create function forbid_ledger_change() returns trigger language plpgsql as $$
begin
  if tg_op = 'DELETE' and old.outcome = 'refused' then
    return old;
  end if;
  raise exception 'the bid ledger is append-only' using errcode = 'restrict_violation';
end
$$;
create trigger bids_append_only before update or delete on bids
  for each row execute function forbid_ledger_change();
