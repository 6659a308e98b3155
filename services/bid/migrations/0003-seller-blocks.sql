-- Bidders whose bids a seller does not take. A seller names one by account, or by the number on one
-- of the own lots and never learns the account: two rows, so that neither tells of the other.
create table seller_blocks (
  seller_id uuid not null,
  bidder_id uuid not null,
  item_id uuid,
  bidder_number integer,
  created_at timestamptz not null default clock_timestamp(),
  unique nulls not distinct (seller_id, bidder_id, item_id),
  check ((item_id is null) = (bidder_number is null))
);
create index seller_blocks_of_bidder on seller_blocks (bidder_id);
