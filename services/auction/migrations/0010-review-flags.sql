-- What the worker keeps in order to point moderators at bidders who may be the seller's friends. Ids
-- and instants only. No foreign keys: nothing that was bid on is ever deleted, and these are hints.
create table user_registrations (
  user_id uuid primary key,
  registered_at timestamptz not null
);

-- Who bid on what, told when the lot ends: running bids cost nothing for it.
create table bidder_items (
  bidder_id uuid not null,
  item_id uuid not null,
  primary key (bidder_id, item_id)
);

create table late_bids (
  bidder_id uuid not null,
  item_id uuid not null,
  bid_at timestamptz not null,
  primary key (bidder_id, item_id)
);

-- Bidders to look at again, a little after the events that say so: others may be on their way.
create table bidder_checks (
  bidder_id uuid primary key,
  due_at timestamptz not null
);
create index bidder_checks_due on bidder_checks (due_at);

create table review_flags (
  kind text not null
    check (kind in ('only_one_seller', 'never_wins', 'new_account_last_seconds')),
  user_id uuid not null,
  -- The seller, the bidder himself, or the item.
  subject_id uuid not null,
  details jsonb not null,
  first_seen_at timestamptz not null default clock_timestamp(),
  last_seen_at timestamptz not null default clock_timestamp(),
  primary key (kind, user_id, subject_id)
);
create index review_flags_latest on review_flags (last_seen_at desc, user_id, subject_id);
create index review_flags_of_user on review_flags (user_id);
