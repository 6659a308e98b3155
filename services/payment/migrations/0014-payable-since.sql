-- Since when something is payable to a seller, and why it was not paid out when it was looked at.
alter table payout_candidates
  add column payable_since timestamptz not null default statement_timestamp(),
  add column waits_for text check (waits_for in ('minimum', 'account', 'payout', 'interval', 'provider'));

-- Money of payouts that came back without our asking.
create index payout_reversals_foreign on payout_reversals (created_at) where is_foreign;
