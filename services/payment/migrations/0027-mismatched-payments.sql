-- no transaction
-- Payments that are not what was asked for: the metrics of every worker counted them in all payments.
drop index concurrently if exists payments_mismatched;
create index concurrently payments_mismatched on payments (id) where state = 'mismatch';
