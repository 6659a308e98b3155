-- Money of a payout comes back: because we asked for it, or by itself.
alter table ledger_entries
  drop constraint ledger_entries_kind_check,
  add constraint ledger_entries_kind_check check (kind in (
    'capture', 'release', 'refund', 'refund_paid', 'refund_failed', 'dispute_opened', 'dispute_won',
    'dispute_lost', 'payout_sent', 'payout_done', 'payout_failed', 'payout_reversed', 'payout_returned',
    'provider_cost', 'correction'
  )) not valid;

-- When the provider is asked next whether the seller can be paid; null: a person pays by hand.
alter table payout_accounts
  add column next_look_at timestamptz,
  -- Why the provider does not pay to it.
  add column code text check (length(code) <= 200);

-- returned: the seller got it, and all of it came back by itself.
alter table payouts
  drop constraint payouts_state_check,
  add constraint payouts_state_check
    check (state in ('planned', 'sending', 'done', 'failed', 'unknown', 'returned')) not valid,
  -- What came back of it, or is asked for.
  add column reversed_amount bigint not null default 0,
  -- One that is done is looked at once a day: money may come back, and the report of it be lost.
  add column next_check_at timestamptz,
  add constraint payout_reversals_fit check (reversed_amount between 0 and amount) not valid,
  add constraint payout_reversals_follow_payout check (reversed_amount = 0 or state in ('done', 'returned'))
    not valid;

create table payout_reversals (
  id uuid primary key,
  payout_id uuid not null references payouts (id),
  amount bigint not null check (amount > 0),
  -- True: it came back without our asking.
  is_foreign boolean not null default false,
  -- The refund that waits for it.
  refund_id uuid references refunds (id),
  state text not null default 'planned' check (state in ('planned', 'sending', 'unknown', 'done', 'failed')),
  -- By which the provider knows it.
  reference text,
  code text check (length(code) <= 200),
  tries integer not null default 0 check (tries >= 0),
  due_at timestamptz not null default clock_timestamp(),
  created_at timestamptz not null default clock_timestamp(),
  changed_at timestamptz not null default clock_timestamp(),
  constraint payout_reversal_failed_has_a_reason check ((state = 'failed') = (code is not null)),
  constraint payout_reversal_foreign_is_done check (not is_foreign or (state = 'done' and reference is not null))
);
create index payout_reversals_due on payout_reversals (due_at) where state in ('planned', 'sending', 'unknown');
create index payout_reversals_of_payout on payout_reversals (payout_id);
create index payout_reversals_of_refund on payout_reversals (refund_id) where refund_id is not null;
create unique index payout_reversals_once on payout_reversals (payout_id, reference) where reference is not null;

alter table payment_differences
  drop constraint payment_differences_kind_check,
  add constraint payment_differences_kind_check check (kind in (
    'unknown_charge', 'missing_charge', 'captured_amount', 'refunded_amount', 'mismatch', 'foreign_refund', 'dispute',
    'unknown_transfer', 'missing_transfer', 'transfer_amount'
  )) not valid,
  add column payout_id uuid references payouts (id);

alter table reconciliations add column transfers bigint not null default 0;
