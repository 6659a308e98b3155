-- What users are told. A row is made in the transaction that reads the event, so that an event that comes
-- again tells nobody twice.
create table notices (
  id uuid primary key,
  user_id uuid not null,
  template text not null check (template ~ '^[a-z_]{1,40}$'),
  aggregate_id uuid not null,
  sequence bigint not null check (sequence >= 0),
  -- What its texts and the decision to send it need. Never a maximum, a reserve or an address.
  data jsonb not null,
  -- pending: not judged yet; shown: in the inbox; dropped: it was no longer true, or too old.
  state text not null default 'pending' check (state in ('pending', 'shown', 'dropped')),
  -- Why it was dropped, a stable code.
  reason text,
  due_at timestamptz not null default clock_timestamp(),
  outdated_at timestamptz not null,
  -- When it happened, by its event. An event may come a week late.
  happened_at timestamptz not null,
  created_at timestamptz not null default clock_timestamp(),
  -- In whole milliseconds: the order of an inbox, and part of its cursors.
  shown_at timestamptz,
  read_at timestamptz,
  constraint notice_once unique (user_id, template, aggregate_id, sequence),
  constraint notice_shown_has_instant check ((state = 'shown') <= (shown_at is not null)),
  constraint notice_dropped_has_reason check ((state = 'dropped') = (reason is not null))
) with (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.05);

create index notices_due on notices (due_at) where state = 'pending';
-- A notice may wait before it is shown, so the inbox has its own order.
create index notices_inbox on notices (user_id, shown_at desc, id desc) where state = 'shown';
create index notices_unread on notices (user_id, shown_at desc, id desc)
  where state = 'shown' and read_at is null;
create index notices_created on notices (created_at);

-- A notice on its way by one channel. The inbox needs no delivery.
create table deliveries (
  id uuid primary key,
  notice_id uuid not null references notices (id) on delete cascade,
  user_id uuid not null,
  channel text not null check (channel in ('mail', 'push')),
  -- sending is committed before the other side is called: whoever finds it later cannot know the outcome.
  state text not null default 'queued'
    check (state in ('queued', 'sending', 'sent', 'failed', 'unknown', 'dropped')),
  -- Of deliveries with one due_at and one user, a mail is made.
  due_at timestamptz not null,
  tries integer not null default 0 check (tries >= 0),
  -- The mail or push message that carried it.
  message_id uuid,
  -- Why it failed or was dropped, a stable code.
  reason text,
  changed_at timestamptz not null default clock_timestamp(),
  constraint delivery_once unique (notice_id, channel)
) with (autovacuum_vacuum_scale_factor = 0.02);

create index deliveries_due on deliveries (channel, due_at) where state = 'queued';
create index deliveries_sending on deliveries (changed_at) where state = 'sending';
create index deliveries_user on deliveries (user_id, channel, changed_at desc);

-- How a user wants to be told; users without a row have the defaults of domain/preferences.ts.
create table readers (
  user_id uuid primary key,
  language text check (language in ('en', 'de', 'tr')),
  time_zone text,
  -- Minutes of the reader's day; from may be after until.
  quiet_from smallint check (quiet_from between 0 and 1439),
  quiet_until smallint check (quiet_until between 0 and 1439),
  updated_at timestamptz not null default clock_timestamp(),
  constraint quiet_hours_are_whole check ((quiet_from is null) = (quiet_until is null)),
  constraint quiet_hours_end check (quiet_from <> quiet_until)
);

create table preferences (
  user_id uuid not null,
  category text not null,
  channel text not null check (channel in ('mail', 'push')),
  choice text not null check (choice in ('now', 'daily', 'weekly', 'off')),
  primary key (user_id, category, channel)
);

-- The state of lots as their events tell it: whether a notice is still true. Every bid changes a row, but
-- no indexed column of it.
create table lots (
  item_id uuid primary key,
  -- Of the event that told leader and closing; 0: none has come yet.
  sequence bigint not null,
  leader_id uuid,
  -- How it ended; null while bids are taken.
  outcome text,
  closed_at timestamptz,
  ends_at timestamptz,
  -- Of the event that told the end. An extension after an outage tells nothing else.
  end_sequence bigint not null,
  constraint lot_closed_has_outcome check ((closed_at is null) = (outcome is null))
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02);

create index lots_closed on lots (closed_at) where closed_at is not null;

-- What an item is called and who sells it, from events, or asked of auction when they came before this service.
create table items (
  id uuid primary key,
  seller_id uuid not null,
  name text not null,
  currency_code text not null check (currency_code ~ '^[A-Z]{3}$'),
  -- Of the item's latest event that is known here.
  sequence bigint not null,
  updated_at timestamptz not null default clock_timestamp()
);

create index items_updated on items (updated_at);

-- Accounts that are gone: events that were under way tell them nothing. Only the id is kept.
create table departed_users (
  user_id uuid primary key,
  departed_at timestamptz not null default clock_timestamp()
);
