-- A lot may take bids only of who has so much held by a card for it (R-DEPOSIT-1). Lots first, as a batch of bids takes its locks.
-- No old row has a deposit, so the check is validated in the next migration, which keeps no one out.
alter table lots
  add column deposit bigint,
  add constraint lot_deposit_is_positive check (deposit > 0) not valid;

-- What the payment service published of each deposit. A row stays when it is over, so that an older event changes nothing.
create table held_deposits (
  deposit_id uuid primary key,
  item_id uuid not null,
  bidder_id uuid not null,
  amount bigint not null check (amount > 0),
  is_held boolean not null,
  -- The card is bound until then; null: without an end that is known.
  held_until timestamptz,
  -- Counts the changes of the deposit.
  sequence bigint not null
);
create index held_deposits_of_bidder on held_deposits (item_id, bidder_id) where is_held;
