-- no transaction
-- Built while bids are made. What an attempt left behind that was cut off is not valid, and goes first.
drop index concurrently if exists lot_bidders_with_number;
-- Who has a number on a lot, and which: answered by the index alone. It becomes the primary key next.
create unique index concurrently lot_bidders_with_number on lot_bidders (item_id, bidder_id)
  include (number);
