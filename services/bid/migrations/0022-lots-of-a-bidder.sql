-- no transaction
-- The new index begins with the same column.
drop index concurrently if exists lot_bidders_of_bidder;
