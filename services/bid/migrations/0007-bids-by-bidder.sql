-- no transaction
-- Built while bids are made. What an attempt left behind that was cut off is not valid, and goes first.
drop index concurrently if exists bids_by_bidder;
-- The bids of a bidder, newest first: "my bids" reads a page of it, however many lots there are.
create index concurrently bids_by_bidder on bids (bidder_id, id desc) include (item_id)
  where sequence is not null and kind <> 'auto';
