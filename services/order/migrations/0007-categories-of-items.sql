-- The categories of the item when it was bought and those above them, the closest first: commissions depend on them. Null:
-- auction was not asked yet.
alter table orders add column category_ids uuid[];
