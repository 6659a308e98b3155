-- How much was to be given back in all when a dispute was decided for the buyer, and since when that is waited
-- for. A smaller refund, by the seller or before, is not the one that was decided.
alter table orders
  add column refund_target bigint,
  add column refund_asked_at timestamptz,
  -- Of the money that the buyer's bank took back or wants back.
  add column chargeback_amount bigint check (chargeback_amount > 0),
  -- What was left of the time of a shipped or delivered order when it was disputed.
  add column time_left_seconds integer check (time_left_seconds >= 0);

update orders set refund_asked_at = changed_at,
  refund_target = least(refunded_total + coalesce((
      select refund_amount from disputes where order_id = orders.id and resolution = 'buyer'
      order by id desc limit 1), 1), amount + premium + delivery_fee)
  where state = 'refund_pending';
update orders set chargeback_amount = amount + premium + delivery_fee where chargeback is not null;

alter table orders
  add constraint order_refund_target_while_pending check (
    (refund_target is not null) = (state = 'refund_pending')
    and (refund_target is null) = (refund_asked_at is null)),
  add constraint order_refund_target_within_total check (
    refund_target between 1 and amount + premium + delivery_fee),
  add constraint order_chargeback_is_whole check ((chargeback is null) = (chargeback_amount is null));

create index orders_refund_asked on orders (refund_asked_at) where refund_asked_at is not null;

-- A payment that is over without money: its claim may still be under way, and takes nothing any more.
create table ended_payments (
  payment_id uuid primary key,
  ended_at timestamptz not null default clock_timestamp()
);
create index ended_payments_by_age on ended_payments (ended_at);

-- Money that an order did not take. What becomes of it later, a refund or a chargeback, is not about the order.
create table unwanted_payments (
  order_id uuid not null references orders (id),
  payment_id uuid not null,
  reason text not null,
  recorded_at timestamptz not null default clock_timestamp(),
  primary key (order_id, payment_id)
);

-- A dispute also ends when all of the money was given back meanwhile; then no one decided it.
alter table disputes
  drop constraint disputes_resolution_check,
  drop constraint dispute_resolved_is_whole,
  add constraint disputes_resolution_check check (
    resolution in ('buyer', 'seller', 'withdrawn', 'refunded')),
  add constraint dispute_resolved_is_whole check (
    (resolution is null) = (resolved_at is null)
    and (resolution is null or resolution = 'refunded') = (resolved_by is null));
create index dispute_messages_of_author on dispute_messages (dispute_id, author_id);

-- An item may come back: of what auction published of it the greatest sequence counts.
alter table removed_items
  add column is_removed boolean not null default true,
  add column sequence bigint not null default 0;

-- Until when the strike suspends its buyer; null: too few counted with it.
alter table strikes add column suspended_until timestamptz;
