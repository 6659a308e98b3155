-- What one operator asked for and another one has to approve, before anything of it is done. It is executed in the
-- transaction of the approval.
create table approvals (
  id uuid primary key,
  kind text not null check (kind in ('refund', 'commission_rate', 'tax_rate', 'tax_status', 'payout_outcome')),
  -- What it is about: an order, a payout, a user; null: the whole platform.
  subject_id uuid,
  -- What is executed, as it was asked for; amounts are texts of minor units.
  command jsonb not null,
  currency_code text check (currency_code ~ '^[A-Z]{3}$'),
  amount bigint check (amount > 0),
  asked_by uuid not null,
  -- Of the request; null: its kind has none.
  idempotency_key text check (length(idempotency_key) between 1 and 200),
  asked_at timestamptz not null default clock_timestamp(),
  expires_at timestamptz not null,
  state text not null default 'open' check (state in ('open', 'executed', 'rejected', 'expired')),
  decided_by uuid,
  decided_at timestamptz,
  -- What came of it: the refund, the rate or the payout.
  result_id uuid,
  constraint approval_by_another check (decided_by <> asked_by),
  constraint approval_is_decided check ((state = 'open') = (decided_at is null)),
  constraint approval_has_a_decider check ((state in ('executed', 'rejected')) = (decided_by is not null)),
  constraint approval_has_an_amount check ((amount is null) = (currency_code is null))
);
create unique index approvals_of_key on approvals (kind, subject_id, asked_by, idempotency_key)
  where idempotency_key is not null;
create index approvals_open on approvals (asked_at) where state = 'open';
create index approvals_of_subject on approvals (subject_id) where state = 'open';
create index approvals_by_result on approvals (result_id) where result_id is not null;
