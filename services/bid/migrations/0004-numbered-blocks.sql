-- A block by number outlives the account behind it: were it to vanish with the account, the seller would
-- learn whose it was. It keeps its lot and number and a bidder who is nobody, so these two make it one.
alter table seller_blocks drop constraint seller_blocks_seller_id_bidder_id_item_id_key;
create unique index seller_blocks_by_account on seller_blocks (seller_id, bidder_id)
  where item_id is null;
create unique index seller_blocks_by_number on seller_blocks (seller_id, item_id, bidder_number)
  where item_id is not null;
create index seller_blocks_of_pair on seller_blocks (seller_id, bidder_id);
