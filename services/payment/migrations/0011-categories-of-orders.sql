-- The categories of the item and those above them, the closest first. Null: begun before this was stored, or without a rate
-- that depends on them.
alter table payment_orders add column category_ids uuid[];
