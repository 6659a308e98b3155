-- no transaction
-- Whoever reads a payment reads its operations: without this each read looked through those of all payments.
drop index concurrently if exists payment_operations_of_payment;
create index concurrently payment_operations_of_payment on payment_operations (payment_id, created_at, id);
