-- no transaction
-- Of a database that knew letters of ASCII only until its locale was set right: names that differ only in
-- the case of other letters get a number, so that the index of them can be built.
update categories as later set name = left(later.name, 400) || ' (' || left(later.id::text, 8) || ')'
 where exists (
   select from categories as earlier
    where earlier.parent_id is not distinct from later.parent_id and earlier.id < later.id
      and lower(earlier.name) = lower(later.name));
-- What an attempt left behind that was cut off.
drop index concurrently if exists categories_name_ccnew;
drop index concurrently if exists item_search_name_ccnew;
reindex index concurrently categories_name;
call reindex_search();
reindex index concurrently item_search_name;
