-- What people look for again and again. The filters lie in columns, so that one statement asks many
-- searches whether they are for an item; `filters` is what was written, for the one who wrote it.
create table saved_searches (
  id uuid primary key,
  user_id uuid not null,
  name text not null check (char_length(name) between 1 and 100),
  filters jsonb not null,
  words tsquery,
  statuses text[] not null,
  category_id uuid,
  type text,
  seller_id uuid,
  currency_code text,
  min_price bigint,
  max_price bigint,
  ending_within_minutes integer,
  has_buy_now boolean,
  attributes jsonb not null,
  created_at timestamptz not null default clock_timestamp()
);
create index saved_searches_of_user on saved_searches (user_id, id);
-- Those that wait for items to start: a start is news to no other.
create index saved_searches_of_started on saved_searches (id) where not ('scheduled' = any (statuses));

-- Items to ask the saved searches about, and how far that is. Published items are never deleted, so
-- neither this nor the matches refer to them by key; drafts are, and each would read the matches.
create table search_matchings (
  seq bigint generated always as identity primary key,
  item_id uuid not null,
  reason text not null check (reason in ('published', 'started', 'restored')),
  queued_at timestamptz not null default clock_timestamp(),
  after_search_id uuid
);

-- Whom an item was told to: once, whatever happens to it later.
create table saved_search_matches (
  saved_search_id uuid not null references saved_searches (id) on delete cascade,
  item_id uuid not null,
  matched_at timestamptz not null default clock_timestamp(),
  primary key (saved_search_id, item_id)
);

-- A trigger, so that no way of showing an item can forget it; in the transaction that shows it.
create function queue_search_matching() returns trigger language plpgsql as $$
begin
  insert into search_matchings (item_id, reason) values (new.id, case old.status
    when 'draft' then 'published' when 'scheduled' then 'started' else 'restored' end);
  return null;
end $$;
create trigger items_search_matching after update of status on items for each row
  when ((old.status in ('draft', 'removed') and new.status not in ('draft', 'removed', 'cancelled'))
    or (old.status = 'scheduled' and new.status = 'active'))
  execute function queue_search_matching();
