-- Which state of the order the buyer began to pay: what happened to the order before that stops no payment. Null:
-- begun before this was stored.
alter table payment_orders add column order_sequence bigint;
