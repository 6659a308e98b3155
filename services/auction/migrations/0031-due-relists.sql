-- no transaction
alter table items validate constraint item_auto_relists_in_bounds;
alter table items validate constraint item_price_drop_in_bounds;
alter table items validate constraint item_relists_another;
-- Built while items change. What an attempt left behind that was cut off is not valid, and goes first.
drop index concurrently if exists items_to_relist;
create index concurrently items_to_relist on items (relist_after)
  where status = 'expired' and auto_relists > 0 and relisted_as is null;
