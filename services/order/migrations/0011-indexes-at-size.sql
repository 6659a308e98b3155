-- no transaction
-- Orders of an item whatever became of them: for its name, and for the unit that is put up again.
drop index concurrently if exists orders_of_item;
create index concurrently orders_of_item on orders (item_id, round, unit);
-- Orders that may be cancelled because their item was removed or their buyer is suspended, in the order of the sweep.
drop index concurrently if exists orders_sweepable;
create index concurrently orders_sweepable on orders (id) include (buyer_id, item_id)
  where state in ('pending_payment', 'overdue') and claimed_by is null;
