-- no transaction
-- Orders that may be cancelled because their item was removed or their buyer is suspended, in the order of the sweep.
drop index concurrently if exists orders_sweepable;
create index concurrently orders_sweepable on orders (id) include (buyer_id, item_id)
  where state in ('pending_payment', 'overdue') and claimed_by is null;
