-- Null while a password alone logs in. Set and cleared under the user's row lock, which every login
-- takes as well.
alter table users add column two_factor_enabled_at timestamptz;

-- Wrong proofs since the last right one; too many end the session.
alter table sessions add column failed_proofs integer not null default 0 check (failed_proofs >= 0);

-- The authenticator app of a user. It protects nothing before two_factor_enabled_at is set.
create table totp_secrets (
  user_id uuid primary key references users (id) on delete cascade,
  -- AES-256-GCM under KEY_ENCRYPTION_KEY with the user's id as associated data.
  secret_encrypted bytea not null,
  encryption_key_id text not null,
  created_at timestamptz not null default clock_timestamp(),
  -- The newest time step whose code was used; that one and older ones are spent.
  last_used_step bigint not null default 0,
  -- Tries since each window began. They are counted before a code is looked at.
  short_window_began_at timestamptz not null default clock_timestamp(),
  short_window_tries integer not null default 0,
  long_window_began_at timestamptz not null default clock_timestamp(),
  long_window_tries integer not null default 0
);

-- Recovery codes by digest only: 120 random bits each, deleted when used.
create table recovery_codes (
  digest bytea primary key check (octet_length(digest) = 32),
  user_id uuid not null references users (id) on delete cascade,
  created_at timestamptz not null default clock_timestamp()
);
create index recovery_codes_of_user on recovery_codes (user_id);

-- Logins whose password was right and whose second factor is awaited, by digest of their token.
create table pending_logins (
  digest bytea primary key check (octet_length(digest) = 32),
  user_id uuid not null references users (id) on delete cascade,
  created_at timestamptz not null default clock_timestamp(),
  expires_at timestamptz not null,
  tries integer not null default 0 check (tries >= 0)
);
create index pending_logins_of_user on pending_logins (user_id);
create index pending_logins_expiry on pending_logins (expires_at);

-- Public keys of authenticators (WebAuthn). The id is the authenticator's own, in base64url.
create table passkeys (
  id text primary key check (length(id) between 1 and 1400),
  user_id uuid not null references users (id) on delete cascade,
  name text not null check (length(name) between 1 and 160),
  public_key bytea not null,
  -- Signatures made, as the authenticator says; many say 0 for ever.
  counter bigint not null check (counter >= 0),
  transports text[] not null default '{}',
  is_backed_up boolean not null,
  created_at timestamptz not null default clock_timestamp(),
  last_used_at timestamptz
);
create index passkeys_of_user on passkeys (user_id);

-- What an authenticator was asked to sign, by digest. Deleted by the first answer, right or wrong.
create table passkey_challenges (
  digest bytea primary key check (octet_length(digest) = 32),
  purpose text not null check (purpose in ('register', 'login', 'challenge', 'reauthenticate')),
  -- Null for a login, which does not know yet who comes.
  user_id uuid references users (id) on delete cascade,
  created_at timestamptz not null default clock_timestamp(),
  expires_at timestamptz not null,
  constraint passkey_challenge_of_nobody_is_a_login check ((user_id is null) = (purpose = 'login'))
);
create index passkey_challenges_of_user on passkey_challenges (user_id);
create index passkey_challenges_expiry on passkey_challenges (expires_at);
