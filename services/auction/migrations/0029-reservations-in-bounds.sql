-- no transaction
alter table items validate constraint item_reservation_in_bounds;
