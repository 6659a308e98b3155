-- An account. email is what the person typed and where mail goes; email_normalised is who they are.
create table users (
  id uuid primary key,
  email text not null check (length(email) between 3 and 254),
  email_normalised text not null,
  email_verified_at timestamptz,
  name text not null check (length(name) between 1 and 160),
  -- PHC string of argon2id: algorithm, parameters, salt and digest in one.
  password_hash text not null check (password_hash like '$argon2id$%'),
  roles text[] not null default '{user}',
  status text not null default 'active' check (status in ('active', 'suspended', 'deleted')),
  version integer not null default 1 check (version >= 1),
  created_at timestamptz not null default clock_timestamp(),
  updated_at timestamptz not null default clock_timestamp(),
  constraint user_email_is_lower_case check (email_normalised = lower(email_normalised))
);

-- Two people who register one address at the same moment: the second one fails here.
create unique index users_email on users (email_normalised);

-- One login on one device. Access tokens carry its id, so ending it ends them at the next call.
create table sessions (
  id uuid primary key,
  user_id uuid not null references users (id) on delete cascade,
  created_at timestamptz not null default clock_timestamp(),
  last_seen_at timestamptz not null default clock_timestamp(),
  expires_at timestamptz not null,
  revoked_at timestamptz,
  revoked_reason text,
  device text,
  -- Filled once trusted proxies are configured; until then the peer is only the gateway.
  address inet,
  constraint session_ends_after_start check (expires_at > created_at),
  constraint session_revocation_is_whole check ((revoked_at is null) = (revoked_reason is null))
);
create index sessions_of_user on sessions (user_id) where revoked_at is null;
create index sessions_ended on sessions (least(expires_at, revoked_at));

-- Refresh tokens by digest only. The session is the family: a replay revokes it as a whole.
create table refresh_tokens (
  digest bytea primary key check (octet_length(digest) = 32),
  session_id uuid not null references sessions (id) on delete cascade,
  created_at timestamptz not null default clock_timestamp(),
  expires_at timestamptz not null,
  used_at timestamptz
);
create index refresh_tokens_of_session on refresh_tokens (session_id);
create index refresh_tokens_expiry on refresh_tokens (expires_at);
