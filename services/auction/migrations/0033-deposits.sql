-- What a bidder's card holds before a bid: so much, or so many hundredths of the start price; null: nothing. No old row has one, so the
-- checks are validated in the next migration, which keeps no one out.
alter table items
  add column deposit_amount bigint,
  add column deposit_percent integer,
  add constraint item_deposit_is_one check (deposit_amount is null or deposit_percent is null) not valid,
  add constraint item_deposit_in_bounds check (
    (deposit_amount is null or deposit_amount > 0) and (deposit_percent is null or deposit_percent between 1 and 100)) not valid;
