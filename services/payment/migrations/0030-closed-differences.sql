-- no transaction
-- In a file of its own: when this is cut off, what replaces it stays (0029).
drop index concurrently if exists payment_differences_closed;
