-- no transaction
-- Built while bids are made. What an attempt left behind that was cut off is not valid, and goes first.
drop index concurrently if exists bids_in_order;
-- One row for each place in the ledger, and the order of ledger and history. The version before finds what it
-- looks for as well: the sequence comes where it came.
create unique index concurrently bids_in_order
  on bids (item_id, sequence, (kind = 'auto'), silent_raise) where sequence is not null;
drop index concurrently if exists bids_of_bidder_in_order;
-- The last bid of a bidder on a lot is the last raise.
create index concurrently bids_of_bidder_in_order on bids (bidder_id, item_id, sequence, silent_raise)
  where sequence is not null and kind <> 'auto';
