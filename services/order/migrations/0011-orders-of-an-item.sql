-- no transaction
-- Orders of an item whatever became of them: for its name, and for the unit that is put up again.
drop index concurrently if exists orders_of_item;
create index concurrently orders_of_item on orders (item_id, round, unit);
