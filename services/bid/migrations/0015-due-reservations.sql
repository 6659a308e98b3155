-- no transaction
alter table lots validate constraint lot_buy_now_mode_known;
alter table lots validate constraint lot_reservation_is_whole;
alter table lots validate constraint lot_seller_never_buys;
-- Built while bids are made. What an attempt left behind that was cut off is not valid, and goes first.
drop index concurrently if exists lots_reserved;
-- The reservations whose time is over.
create index concurrently lots_reserved on lots (reserved_until) where phase = 'reserved';
