-- For how long a purchase at the buy-now price reserves the item; null: it is sold at once. And the last event of a
-- reservation that was applied, so that an older one changes nothing. No old row has a reservation, so the check is
-- validated in the next migration, which keeps no one out.
alter table items
  add column buyout_reservation_minutes integer,
  add column reservation_sequence bigint not null default 0,
  add constraint item_reservation_in_bounds check (buyout_reservation_minutes between 5 and 1440) not valid;
