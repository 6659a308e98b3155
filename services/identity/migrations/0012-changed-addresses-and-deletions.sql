-- Somebody wants another address and has not shown yet that it is theirs. The API writes the row
-- whether the address has an account or not, and the worker finds out. Rows stay for a day, in which
-- they are counted; only the newest of a user can be confirmed.
create table email_changes (
  id uuid primary key,
  user_id uuid not null references users (id) on delete cascade,
  -- The session that asked goes on when the others end.
  session_id uuid not null,
  email text not null check (length(email) between 3 and 254),
  email_normalised text not null check (email_normalised = lower(email_normalised)),
  trace jsonb not null,
  created_at timestamptz not null default clock_timestamp(),
  expires_at timestamptz not null,
  answered_at timestamptz,
  digest bytea unique check (octet_length(digest) = 32)
);
create index email_changes_of_user on email_changes (user_id, created_at);
create index email_changes_unanswered on email_changes (id) where answered_at is null;
create index email_changes_expiry on email_changes (expires_at);

-- An account that its owner gave up cannot be used any more, but what was under way when they did
-- may still reach other services: they are asked once more before it is gone.
alter table users drop constraint users_status_check;
alter table users add constraint users_status_check
  check (status in ('active', 'suspended', 'deleting', 'deleted'));

create table deletions (
  user_id uuid primary key references users (id) on delete cascade,
  trace jsonb not null,
  asked_at timestamptz not null default clock_timestamp(),
  due_at timestamptz not null
);
create index deletions_due on deletions (due_at);
