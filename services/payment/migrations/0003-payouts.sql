-- Tax of commissions and of premiums is owed to the same office, but each is given back with what it belongs to.
alter table ledger_postings
  drop constraint ledger_postings_account_check,
  add constraint ledger_postings_account_check check (account ~ (
    '^(clearing:[a-z][a-z0-9_]{0,31}'
    || '|seller:(pending|payable):[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}'
    || '|platform:(commission|premium)|tax:[A-Z]{2}(-[A-Z0-9]{1,3})?:(commission|premium)|provider:costs'
    || '|payout:in_transit|dispute:held|refund:due)$'
  ));

-- To where a seller is paid out, as the provider knows it.
create table payout_accounts (
  seller_id uuid primary key,
  provider text not null check (provider ~ '^[a-z][a-z0-9_]{0,31}$'),
  reference text not null check (length(reference) between 1 and 200),
  state text not null check (state in ('onboarding', 'enabled', 'restricted')),
  changed_at timestamptz not null default clock_timestamp()
);

-- Sellers to whom something became payable since they were last paid out. A row is looked at when it is due.
create table payout_candidates (
  seller_id uuid not null,
  currency_code text not null check (currency_code ~ '^[A-Z]{3}$'),
  due_at timestamptz not null default clock_timestamp(),
  primary key (seller_id, currency_code)
);
create index payout_candidates_due on payout_candidates (due_at);

create table payouts (
  id uuid primary key,
  seller_id uuid not null,
  currency_code text not null check (currency_code ~ '^[A-Z]{3}$'),
  amount bigint not null check (amount > 0),
  provider text not null,
  -- The account at the provider when it was planned; a change of it is for the next payout.
  account_reference text not null,
  state text not null default 'planned' check (state in ('planned', 'sending', 'done', 'failed', 'unknown')),
  -- By which the provider knows it.
  reference text,
  code text check (length(code) <= 200),
  tries integer not null default 0 check (tries >= 0),
  due_at timestamptz not null default clock_timestamp(),
  created_at timestamptz not null default clock_timestamp(),
  changed_at timestamptz not null default clock_timestamp(),
  constraint payout_failed_has_a_reason check ((state = 'failed') = (code is not null))
);
create unique index payouts_one_open on payouts (seller_id, currency_code)
  where state in ('planned', 'sending', 'unknown');
create index payouts_due on payouts (due_at) where state in ('planned', 'sending', 'unknown');
create index payouts_of_seller on payouts (seller_id, created_at desc, id desc);
