-- Tries by whom they are counted against. Keys are keyed digests, so that a dump tells neither
-- addresses nor who was being guessed at. A row carries its limit, so that one statement admits.
create table throttles (
  key bytea primary key check (octet_length(key) = 32),
  tries integer not null check (tries >= 0),
  tries_max integer not null check (tries_max >= 1),
  -- How many windows before this one were full without a pause; each doubles the next.
  fills integer not null default 0 check (fills between 0 and 10),
  window_seconds integer not null check (window_seconds >= 1),
  wait_max_seconds integer not null check (wait_max_seconds >= window_seconds),
  -- The window ends here, and tries are counted from nothing again.
  resets_at timestamptz not null
);
create index throttles_due on throttles (resets_at);

-- Addresses and devices from which an account was logged in to, as keyed digests. They have tries
-- of their own, so that a stranger's guesses do not keep the owner out.
create table known_origins (
  user_id uuid not null references users (id) on delete cascade,
  digest bytea not null check (octet_length(digest) = 32),
  kind text not null check (kind in ('address', 'device')),
  last_seen_at timestamptz not null default clock_timestamp(),
  primary key (user_id, digest)
);
create index known_origins_due on known_origins (last_seen_at);
