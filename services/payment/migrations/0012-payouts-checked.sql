-- no transaction
-- While money moves: rows that were there are checked, and indexes built, without stopping it. What an attempt left behind
-- that was cut off is not valid, and goes first.
alter table ledger_entries validate constraint ledger_entries_kind_check;
alter table payouts validate constraint payouts_state_check;
alter table payouts validate constraint payout_reversals_fit;
alter table payouts validate constraint payout_reversals_follow_payout;
alter table payment_differences validate constraint payment_differences_kind_check;
drop index concurrently if exists payout_accounts_looks;
create index concurrently payout_accounts_looks on payout_accounts (next_look_at) where next_look_at is not null;
drop index concurrently if exists payouts_checks;
create index concurrently payouts_checks on payouts (next_check_at) where next_check_at is not null;
drop index concurrently if exists payouts_by_reference;
create index concurrently payouts_by_reference on payouts (provider, reference) where reference is not null;
drop index concurrently if exists payouts_reversible;
create index concurrently payouts_reversible on payouts (seller_id, currency_code, id)
  where state = 'done' and reversed_amount < amount;
drop index concurrently if exists payouts_by_change;
create index concurrently payouts_by_change on payouts (provider, changed_at) where state in ('done', 'returned');
drop index concurrently if exists payment_disputes_open;
create index concurrently payment_disputes_open on payment_disputes (payment_id) where state = 'open';
