-- no transaction
-- Categories show how many items are in them: each count read every public item as a whole. The index has only what is
-- counted, and nothing of it changes with a bid. What an attempt left behind that was cut off is not valid, and goes first.
drop index concurrently if exists items_of_categories;
create index concurrently items_of_categories on items (category_ids)
  where category_ids <> '{}'
    and status in ('scheduled', 'active', 'reserved', 'ended', 'sold', 'expired');
