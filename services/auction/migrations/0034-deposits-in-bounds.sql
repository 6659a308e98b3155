-- no transaction
alter table items validate constraint item_deposit_is_one;
alter table items validate constraint item_deposit_in_bounds;
