-- What a seller offers to bidders of a lot that is over (R-OFFER-1). An offer changes once, from open to its end. All of
-- it is written under the lock of the lot.
create table offers (
  id uuid primary key,
  item_id uuid not null,
  round integer not null check (round >= 1),
  unit integer not null check (unit >= 1),
  seller_id uuid not null,
  user_id uuid not null,
  kind text not null check (kind in ('second_chance', 'below_reserve')),
  -- The bid whose amount is the price.
  bid_id uuid not null,
  amount bigint not null check (amount > 0),
  currency_code text not null check (currency_code ~ '^[A-Z]{3}$'),
  days integer not null check (days in (1, 3, 5, 7)),
  cascade_floor bigint check (cascade_floor > 0),
  state text not null default 'open'
    check (state in ('open', 'accepted', 'declined', 'expired', 'withdrawn')),
  made_at timestamptz not null,
  expires_at timestamptz not null,
  ended_at timestamptz,
  -- Of the request that made it, and of the one that ended it.
  idempotency_key text,
  request_hash text,
  answer_key text,
  constraint offer_expires_later check (made_at < expires_at),
  constraint offer_ended_is_whole check ((state = 'open') = (ended_at is null)),
  constraint offer_accepted_in_time check (state <> 'accepted' or ended_at < expires_at),
  constraint offer_seller_never_buys check (user_id <> seller_id)
);
-- Of a unit one offer is open, and to a bidder it is offered once.
create unique index offers_open on offers (item_id, unit) where state = 'open';
create unique index one_offer_of_a_unit on offers (item_id, unit, user_id);
create unique index offers_idempotency on offers (seller_id, idempotency_key)
  where idempotency_key is not null;
create index offers_of_user on offers (user_id, id desc);
create index offers_due on offers (expires_at) where state = 'open';

create function forbid_offer_change() returns trigger language plpgsql as $$
begin
  if tg_op = 'UPDATE' and old.state = 'open' and new.state <> 'open'
    and (to_jsonb(old) - array['state', 'ended_at', 'answer_key'])
      = (to_jsonb(new) - array['state', 'ended_at', 'answer_key']) then
    return new;
  end if;
  raise exception 'an offer ends once and is never deleted' using errcode = 'restrict_violation';
end
$$;
create trigger offers_end_once before update or delete on offers
  for each row execute function forbid_offer_change();
create trigger offers_never_emptied before truncate on offers
  for each statement execute function forbid_offer_change();

-- Orders whose end makes a unit free again, and whether it still is: a seller may take the buyer back. The sequence
-- is the order's, so an event that comes late changes nothing.
create table freed_units (
  order_id uuid primary key,
  item_id uuid not null,
  round integer not null,
  unit integer not null,
  buyer_id uuid not null,
  is_free boolean not null,
  sequence bigint not null check (sequence >= 1)
);
create index freed_units_of_item on freed_units (item_id);

-- Lots that went into a new round, which has an item of its own.
create table relistings (
  item_id uuid primary key,
  new_item_id uuid not null unique,
  is_automatic boolean not null,
  relisted_at timestamptz not null,
  check (item_id <> new_item_id)
);

-- Items that moderators hide, by auction's events in the order of their sequence.
create table hidden_items (
  item_id uuid primary key,
  is_hidden boolean not null,
  sequence bigint not null check (sequence >= 1)
);

-- Bidders who want no offers.
create table offer_opt_outs (
  user_id uuid primary key,
  since timestamptz not null default clock_timestamp()
);
