-- Now that item_ranking has them. A file of its own, because it takes the table for itself: it must
-- hold no other lock while it waits. No index of `items` has a column that an ordinary bid changes.
drop index items_price;
drop index items_open_by_bids;
