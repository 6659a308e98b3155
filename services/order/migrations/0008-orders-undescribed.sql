-- no transaction
-- Built while orders are made. What an attempt left behind that was cut off is not valid, and goes first.
drop index concurrently if exists orders_undescribed;
create index concurrently orders_undescribed on orders (id)
  where item_name is null or (category_ids is null and state in ('pending_payment', 'overdue'));
drop index concurrently if exists orders_unnamed;
