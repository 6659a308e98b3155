-- no transaction
-- Accounts by the name that a report of the provider gives.
drop index concurrently if exists payout_accounts_by_reference;
create index concurrently payout_accounts_by_reference on payout_accounts (provider, reference);
