-- no transaction
-- The lots that a bidder bid on, those listed last first: what is counted of them is read from this index alone.
drop index concurrently if exists lots_of_bidder;
create index concurrently lots_of_bidder on lot_bidders (bidder_id, item_id);
