-- When and how the person behind a session last proved who they are. Sensitive changes ask for a
-- fresh proof; the session as such may be weeks old.
alter table sessions
  add column authenticated_at timestamptz not null default clock_timestamp(),
  add column methods text[] not null default '{pwd}';

-- What was done to accounts, by whom. Rows are only ever added, and each carries the digest of the
-- one before it, so that a change or a gap anywhere shows.
create table audit_entries (
  sequence bigint primary key check (sequence >= 1),
  recorded_at timestamptz not null,
  action text not null check (action ~ '^[a-z_]+(\.[a-z_]+)+$'),
  -- Null when nobody was logged in: a registration, a password reset, a command on the console.
  actor_id uuid,
  subject_id uuid,
  details jsonb not null default '{}',
  previous_digest bytea not null check (octet_length(previous_digest) = 32),
  digest bytea not null unique check (octet_length(digest) = 32)
);
create index audit_entries_of_subject on audit_entries (subject_id, sequence);

create function refuse_audit_change() returns trigger language plpgsql as $$
begin
  raise exception 'audit entries are never changed' using errcode = '42501';
end $$;

create trigger audit_entries_append_only before update or delete or truncate on audit_entries
  for each statement execute function refuse_audit_change();
