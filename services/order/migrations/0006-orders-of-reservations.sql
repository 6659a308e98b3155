-- no transaction
alter table orders validate constraint order_reserved_for_a_purchase;
-- Built while orders are made. What an attempt left behind that was cut off is not valid, and goes first.
drop index concurrently if exists one_order_for_a_purchase;
create unique index concurrently one_order_for_a_purchase on orders (purchase_id) where purchase_id is not null;
-- A buyer whose reservation came to nothing may reserve the lot again, or win it, and then has another order for it:
-- only an order of a lot that is the buyer's for good is the only one.
drop index concurrently if exists one_order_for_a_lasting_win;
create unique index concurrently one_order_for_a_lasting_win on orders (item_id, round, unit, buyer_id)
  where reserved_until is null;
alter table orders drop constraint if exists one_order_for_a_win;
