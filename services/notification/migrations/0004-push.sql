-- Browsers that show notices. The endpoint is an address that a user gave: only the guarded client calls it.
create table push_subscriptions (
  id uuid primary key,
  user_id uuid not null,
  -- One browser has one, whoever is logged in there: the last who subscribed has it.
  endpoint text not null unique check (length(endpoint) <= 2000),
  p256dh text not null,
  auth text not null,
  label text not null default '',
  created_at timestamptz not null default clock_timestamp(),
  last_success_at timestamptz
);

create index push_subscriptions_user on push_subscriptions (user_id);
