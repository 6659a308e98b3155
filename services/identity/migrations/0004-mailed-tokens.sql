-- Links that were mailed, by digest only. Using one deletes it, so of many tries at once one wins.
create table password_resets (
  digest bytea primary key check (octet_length(digest) = 32),
  user_id uuid not null references users (id) on delete cascade,
  created_at timestamptz not null default clock_timestamp(),
  expires_at timestamptz not null
);
create index password_resets_of_user on password_resets (user_id, created_at);
create index password_resets_expiry on password_resets (expires_at);

-- Somebody asked for a mail to an address. The API writes this row whether the address has an
-- account or not, and the worker finds out: so neither answers nor their times tell a stranger.
create table mail_requests (
  id uuid primary key,
  kind text not null check (kind in ('reset')),
  email_normalised text not null check (length(email_normalised) <= 254),
  trace jsonb not null,
  created_at timestamptz not null default clock_timestamp()
);
create index mail_requests_of_email on mail_requests (email_normalised);
