-- Of a retired key only the public part stays, as a record of what was valid when.
alter table signing_keys
  alter column private_key_encrypted drop not null,
  add constraint signing_key_private_part_until_retired
    check (private_key_encrypted is not null or retires_at is not null);

-- What a user may do. Everybody is a user; the others are given or, for sellers, taken by
-- accepting terms.
alter table users
  add constraint user_roles_are_known
    check (roles <@ '{user,seller,moderator,admin}' and 'user' = any (roles));

-- Operators are few and are looked for by role; suspended accounts are counted.
create index users_operators on users (id) where roles && '{moderator,admin}';
create index users_suspended on users (id) where status = 'suspended';

-- Operators find accounts by how the address or the name begins.
create index users_email_prefix on users (email_normalised text_pattern_ops);
create index users_name_prefix on users (lower(name) text_pattern_ops);

-- Why and until when an account is suspended. A row exists while it is; what was before is in the
-- audit.
create table suspensions (
  user_id uuid primary key references users (id) on delete cascade,
  reason text not null check (length(reason) between 1 and 500),
  suspended_at timestamptz not null default clock_timestamp(),
  -- Null: until somebody ends it.
  ends_at timestamptz,
  -- Null when it was done on the console.
  suspended_by uuid,
  constraint suspension_ends_after_start check (ends_at > suspended_at)
);
create index suspensions_due on suspensions (ends_at) where ends_at is not null;

-- Which version of which terms a user agreed to, and when. Rows stay when newer ones come.
create table accepted_terms (
  user_id uuid not null references users (id) on delete cascade,
  terms text not null check (terms in ('seller')),
  version text not null check (length(version) between 1 and 40),
  accepted_at timestamptz not null default clock_timestamp(),
  primary key (user_id, terms, version)
);
