-- What most searches walk: items that can be bid on now or soon. items_public begins with everything
-- that ever ended, and a search by end read all of that first.
create index items_open_by_end on items (end_date, id) where status in ('scheduled', 'active');
-- By bids. A bid moves the price and with it items_price already, so no update stays HOT less for it.
create index items_open_by_bids on items (bid_count, id) where status in ('scheduled', 'active');
-- A value belongs to its key: without this the planner takes the two for independent and expects far
-- fewer items than have a usual colour.
create statistics item_attributes_of_key (mcv) on key, value from item_attributes;
create statistics item_attributes_number_of_key (mcv) on key, number from item_attributes;
