-- no transaction
-- Each of these was looked for in a whole table that grows: payments that are not what was asked for, by the metrics of
-- every worker; accounts by the name that a report of the provider gives; differences by what they are about.
drop index concurrently if exists payments_mismatched;
create index concurrently payments_mismatched on payments (id) where state = 'mismatch';
drop index concurrently if exists payout_accounts_by_reference;
create index concurrently payout_accounts_by_reference on payout_accounts (provider, reference);
drop index concurrently if exists payment_differences_by_name;
create index concurrently payment_differences_by_name on payment_differences (provider, kind, reference);
-- The one above is used for what it was for.
drop index concurrently if exists payment_differences_closed;
