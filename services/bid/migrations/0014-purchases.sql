-- A lot can be bought at once, or reserved for a buyer until it is paid (R-BID-22, R-BID-23). Lots first, as a batch
-- of bids takes its locks. No old row is reserved or bought, so the checks are validated in the next migration,
-- which keeps no one out.
alter table lots
  add column buy_now_mode text not null default 'immediate',
  add column buy_now_reservation_ms bigint not null default 0,
  add column purchase_id uuid,
  add column reserved_for uuid,
  add column reserved_until timestamptz,
  add constraint lot_buy_now_mode_known check (buy_now_mode in ('immediate', 'reserved')) not valid,
  add constraint lot_reservation_is_whole check (
    (phase = 'reserved') = (reserved_until is not null)
    and (reserved_until is null) = (reserved_for is null)
    and (phase <> 'reserved' or purchase_id is not null)) not valid,
  add constraint lot_seller_never_buys check (
    reserved_for is distinct from seller_id and winner_id is distinct from seller_id) not valid;

-- The purchases, at their place in the ledger of their lot.
create table purchases (
  id uuid primary key,
  item_id uuid not null,
  round integer not null,
  buyer_id uuid not null,
  terms_version integer not null,
  amount bigint not null check (amount > 0),
  -- Null: the lot was sold at once.
  reserved_until timestamptz,
  ends_at timestamptz not null,
  sequence bigint not null,
  idempotency_key text,
  request_hash text not null,
  decided_at timestamptz not null,
  recorded_at timestamptz not null,
  constraint purchase_reserves_forward check (reserved_until is null or decided_at < reserved_until),
  unique (item_id, sequence)
);
create unique index purchases_idempotency on purchases (buyer_id, idempotency_key)
  where idempotency_key is not null;
create index purchases_of_buyer on purchases (buyer_id, item_id, sequence);

-- How reservations ended: by time, because their order ended, or paid. Whoever ends one twice is stopped here.
create table reservation_ends (
  purchase_id uuid primary key references purchases (id),
  item_id uuid not null,
  reason text not null check (reason in ('lapsed', 'cancelled', 'paid')),
  -- Whether one that was cancelled ended by the buyer, who may not do so again and again.
  is_by_buyer boolean not null default false,
  sequence bigint not null,
  decided_at timestamptz not null,
  recorded_at timestamptz not null default clock_timestamp(),
  unique (item_id, sequence)
);

create function forbid_purchase_change() returns trigger language plpgsql as $$
begin
  raise exception 'the record of purchases is append-only' using errcode = 'restrict_violation';
end
$$;
create trigger purchases_append_only before update or delete on purchases
  for each row execute function forbid_purchase_change();
create trigger purchases_never_emptied before truncate on purchases
  for each statement execute function forbid_purchase_change();
create trigger reservation_ends_append_only before update or delete on reservation_ends
  for each row execute function forbid_purchase_change();
create trigger reservation_ends_never_emptied before truncate on reservation_ends
  for each statement execute function forbid_purchase_change();
