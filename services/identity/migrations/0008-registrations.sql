-- Somebody asked for an account at an address and has not shown yet that the address is theirs. The
-- API writes this row whether the address has an account or not, and the worker finds out: so
-- neither answers nor their times tell a stranger.
create table registrations (
  -- The id of the account that it becomes, or of one that waits for its address to be verified.
  id uuid primary key,
  email text not null check (length(email) between 3 and 254),
  email_normalised text not null check (email_normalised = lower(email_normalised)),
  name text not null check (length(name) between 1 and 160),
  password_hash text not null check (password_hash like '$argon2id$%'),
  trace jsonb not null,
  created_at timestamptz not null default clock_timestamp(),
  expires_at timestamptz not null,
  -- When the worker looked at it; a mail may have been one too many.
  answered_at timestamptz,
  -- Of the link that was mailed, and how often a password was tried with it.
  digest bytea unique check (octet_length(digest) = 32),
  tries smallint not null default 0 check (tries >= 0)
);
create index registrations_of_address on registrations (email_normalised, id);
create index registrations_unanswered on registrations (id) where answered_at is null;
create index registrations_expiry on registrations (expires_at);

-- Mails to addresses whose owners may not have asked for them, to count them for an hour.
create table unasked_mails (
  id uuid primary key,
  email_normalised text not null,
  asked_at timestamptz not null default clock_timestamp()
);
create index unasked_mails_of_address on unasked_mails (email_normalised, asked_at);
create index unasked_mails_expiry on unasked_mails (asked_at);
