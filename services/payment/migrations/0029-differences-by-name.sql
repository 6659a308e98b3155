-- no transaction
-- Differences by what they are about, whether they are closed or not.
drop index concurrently if exists payment_differences_by_name;
create index concurrently payment_differences_by_name on payment_differences (provider, kind, reference);
