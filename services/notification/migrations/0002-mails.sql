-- Mails that identity asked for. Notices go by rows of deliveries, and their mails are made when they are sent.
create table mails (
  -- As identity made it: the secret is bound to it.
  id uuid primary key,
  user_id uuid,
  template text not null check (template ~ '^[a-z_]{1,40}$'),
  -- Null when the mail was sent or dropped: the address is not kept.
  recipient text,
  name text,
  link text,
  -- As identity sealed it. It is opened when the mail is built, and stored nowhere.
  sealed_secret bytea,
  -- Its link works until then, or nobody needs to know any more.
  outdated_at timestamptz not null,
  correlation_id text not null,
  -- sending is committed before the server is called: whoever finds it later cannot know the outcome.
  state text not null default 'queued'
    check (state in ('queued', 'sending', 'sent', 'failed', 'unknown', 'dropped')),
  due_at timestamptz not null default clock_timestamp(),
  tries integer not null default 0 check (tries >= 0),
  -- It was queued once more after its outcome was not known; that happens once.
  is_repeated boolean not null default false,
  -- Why it failed, waits or was dropped, a stable code.
  reason text,
  created_at timestamptz not null default clock_timestamp(),
  changed_at timestamptz not null default clock_timestamp(),
  constraint mail_to_send_has_recipient
    check ((state in ('queued', 'sending')) <= (recipient is not null and name is not null)),
  constraint mail_has_whole_link check ((link is null) = (sealed_secret is null))
);

create index mails_due on mails (due_at) where state = 'queued';
create index mails_sending on mails (changed_at) where state = 'sending';
create index mails_ended on mails (changed_at) where state not in ('queued', 'sending');
create index mails_user on mails (user_id);

-- Addresses that get no notices: no mail reaches them, or their owners called one spam.
create table suppressions (
  -- The first half of a SHA-256 over the address in lower case: no one reads an address out of it.
  address_digest bytea primary key check (octet_length(address_digest) = 16),
  reason text not null check (reason in ('refused', 'bounce', 'complaint', 'operator')),
  created_at timestamptz not null default clock_timestamp()
);

-- A mail ends everything that it carries.
create index deliveries_message on deliveries (message_id) where message_id is not null;

-- For operators.
create index deliveries_failed on deliveries (changed_at) where state in ('failed', 'unknown');
