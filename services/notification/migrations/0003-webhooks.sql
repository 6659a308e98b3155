-- Addresses of users' own programs, to which what concerns them is posted (docs/webhooks.md).
create table webhook_endpoints (
  id uuid primary key,
  user_id uuid not null,
  url text not null check (length(url) <= 2048),
  description text not null default '',
  -- Which events it takes; null: all of them, also those that come later.
  event_types text[] check (cardinality(event_types) > 0),
  -- Sealed: who reads the database signs nothing.
  sealed_secret bytea not null,
  -- The secret before, which still signs until then.
  sealed_previous_secret bytea,
  previous_secret_until timestamptz,
  -- The key that sealed both.
  seal_key_id text not null,
  -- disabled: by the service, because it failed for days or is gone; deleted: its messages are purged, then this row.
  state text not null default 'active' check (state in ('active', 'paused', 'disabled', 'deleted')),
  disabled_reason text check (disabled_reason in ('failing', 'gone')),
  -- The first failure since the last success, and when its owner was notified of them.
  first_failure_at timestamptz,
  warned_at timestamptz,
  last_success_at timestamptz,
  -- The last attempt failed or took long: it may use only a part of the connections.
  is_slow boolean not null default false,
  rate_per_second smallint not null check (rate_per_second > 0),
  -- From when on its rate is unspent, at most the last second counts; each message that is sent moves it on.
  unspent_since timestamptz not null default clock_timestamp() - interval '1 second',
  created_at timestamptz not null default clock_timestamp(),
  changed_at timestamptz not null default clock_timestamp(),
  constraint webhook_disabled_has_reason check ((state = 'disabled') <= (disabled_reason is not null)),
  constraint webhook_previous_secret_ends check ((sealed_previous_secret is null) = (previous_secret_until is null))
);

create index webhook_endpoints_user on webhook_endpoints (user_id) where state <> 'deleted';
create index webhook_endpoints_previous on webhook_endpoints (previous_secret_until)
  where previous_secret_until is not null;
create index webhook_endpoints_deleted on webhook_endpoints (id) where state = 'deleted';

-- What is posted to an endpoint. The id is the header webhook-id and stays the same however often it is sent.
create table webhook_messages (
  id uuid primary key,
  endpoint_id uuid not null references webhook_endpoints (id),
  event_type text not null,
  -- The body to its last byte: it is signed, and must be the same at every attempt.
  payload text not null,
  -- sending is committed before the endpoint is called; one that stays so was interrupted, and is sent again.
  state text not null default 'queued' check (state in ('queued', 'sending', 'delivered', 'failed')),
  due_at timestamptz not null default clock_timestamp(),
  -- Attempts of the present schedule, which a replay begins again; and of all.
  tries smallint not null default 0,
  attempts integer not null default 0,
  created_at timestamptz not null default clock_timestamp(),
  changed_at timestamptz not null default clock_timestamp()
);

create index webhook_messages_due on webhook_messages (endpoint_id, due_at) where state = 'queued';
create index webhook_messages_sending on webhook_messages (endpoint_id) where state = 'sending';
create index webhook_messages_leases on webhook_messages (changed_at) where state = 'sending';
create index webhook_messages_failed on webhook_messages (endpoint_id, created_at) where state = 'failed';
create index webhook_messages_tests on webhook_messages (endpoint_id, created_at) where event_type = 'test.v1';
create index webhook_messages_log on webhook_messages (endpoint_id, id desc);
create index webhook_messages_created on webhook_messages (created_at);

-- What became of each attempt, for the owner of the endpoint.
create table webhook_attempts (
  message_id uuid not null references webhook_messages (id) on delete cascade,
  attempt integer not null,
  started_at timestamptz not null,
  milliseconds integer not null check (milliseconds >= 0),
  -- Of the answer; null when there was none, and why not.
  status smallint,
  error text,
  -- The first 8 KB of the answer.
  answer text,
  primary key (message_id, attempt),
  constraint webhook_attempt_has_outcome check ((status is null) <> (error is null))
);
