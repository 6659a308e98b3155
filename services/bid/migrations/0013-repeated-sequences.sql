-- no transaction
-- A silent raise repeats a sequence, which this index forbids.
drop index concurrently if exists bids_ledger;
drop index concurrently if exists bids_of_bidder;
