-- That a number is given once on a lot is sure without an index: whoever gives one holds the lock of the lot,
-- counts it in the row of the lot in the same statement, and verify-ledger compares both. One index less for
-- each new bidder. A block by number reads the bidders of its lot instead.
alter table lot_bidders
  drop constraint lot_bidders_item_id_number_key,
  drop constraint lot_bidders_pkey,
  add constraint lot_bidders_pkey primary key using index lot_bidders_with_number;
