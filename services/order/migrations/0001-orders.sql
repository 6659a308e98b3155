-- An order is what a buyer owes a seller for one unit of an item, and what became of it. Every change of
-- it is made under its row lock.
create table orders (
  id uuid primary key,
  item_id uuid not null,
  round integer not null check (round >= 1),
  unit integer not null check (unit >= 1),
  seller_id uuid not null,
  buyer_id uuid not null,
  source text not null check (source in ('won', 'buynow', 'offer')),
  -- As auction calls the item; null until it was asked.
  item_name text,
  currency_code text not null check (currency_code ~ '^[A-Z]{3}$'),
  amount bigint not null check (amount > 0),
  premium bigint not null check (premium >= 0),
  delivery_fee bigint not null default 0 check (delivery_fee >= 0),
  total bigint not null generated always as (amount + premium + delivery_fee) stored,
  refunded_total bigint not null default 0,
  state text not null check (state in ('pending_payment', 'overdue', 'paid', 'preparing', 'shipped',
    'delivered', 'collected', 'completed', 'disputed', 'refund_pending', 'refunded', 'cancelled')),
  -- Where it goes on when a dispute or a refund is over.
  resume_state text check (resume_state in ('paid', 'preparing', 'shipped', 'delivered', 'collected')),
  cancel_reason text check (cancel_reason in ('unpaid', 'seller', 'mutual', 'buy_now_released',
    'suspended', 'removed')),
  won_at timestamptz not null,
  due_at timestamptz not null,
  -- When it is cancelled if it is not paid by then.
  cancel_at timestamptz not null,
  -- The payment that is being captured: until it is over no one cancels the order.
  claimed_by uuid,
  claimed_at timestamptz,
  paid_by uuid,
  paid_at timestamptz,
  reminders_sent integer not null default 0 check (reminders_sent >= 0),
  delivery text check (delivery in ('shipping', 'collection')),
  sequence bigint not null check (sequence >= 1),
  created_at timestamptz not null default clock_timestamp(),
  changed_at timestamptz not null default clock_timestamp(),
  constraint one_order_for_a_win unique (item_id, round, unit, buyer_id),
  constraint order_seller_never_buys check (seller_id <> buyer_id),
  constraint order_due_before_cancelled check (won_at < due_at and due_at <= cancel_at),
  constraint order_refunds_within_total check (refunded_total between 0 and amount + premium + delivery_fee),
  constraint order_cancelled_has_reason check ((state = 'cancelled') = (cancel_reason is not null)),
  constraint order_claim_is_whole check ((claimed_by is null) = (claimed_at is null)),
  constraint order_payment_is_whole check ((paid_by is null) = (paid_at is null)),
  constraint order_claimed_is_payable check (claimed_by is null or state in ('pending_payment', 'overdue')),
  constraint order_paid_by_one_payment check (
    (paid_by is null) = (state in ('pending_payment', 'overdue', 'cancelled'))),
  constraint order_resumes check ((resume_state is not null) = (state in ('disputed', 'refund_pending')))
) with (fillfactor = 80);

-- Ids are made in time order, so they are the order of the lists as well.
create index orders_of_buyer on orders (buyer_id, state, id desc);
create index orders_of_seller on orders (seller_id, state, id desc);
create index orders_all_of_buyer on orders (buyer_id, id desc);
create index orders_all_of_seller on orders (seller_id, id desc);
create index orders_claimed on orders (claimed_by) where claimed_by is not null;
create index orders_paid_by on orders (paid_by) where paid_by is not null;
create index orders_unnamed on orders (id) where item_name is null;

-- What happened to an order, one row for each number of its sequence. Never changed.
create table order_changes (
  order_id uuid not null references orders (id),
  sequence bigint not null,
  act text not null,
  state text not null,
  actor text not null check (actor in ('buyer', 'seller', 'moderator', 'platform')),
  actor_id uuid,
  happened_at timestamptz not null,
  details json not null default '{}',
  primary key (order_id, sequence),
  constraint change_of_a_person_names_one check ((actor = 'platform') = (actor_id is null))
);

create function forbid_order_change_edits() returns trigger language plpgsql as $$
begin
  raise exception 'changes of orders are append-only' using errcode = 'restrict_violation';
end
$$;
create trigger order_changes_append_only before update on order_changes
  for each row execute function forbid_order_change_edits();

-- What is to be done with an order at an instant. The order decides, under its lock, whether it still is.
create table timers (
  order_id uuid not null references orders (id),
  kind text not null check (kind in ('reminder', 'overdue', 'cancel')),
  due_at timestamptz not null,
  tries integer not null default 0,
  primary key (order_id, kind)
);
create index timers_due on timers (due_at);

-- A buyer's orders that were not paid. A strike that is redeemed, because its order was paid after all, counts
-- no more.
create table strikes (
  order_id uuid primary key references orders (id),
  user_id uuid not null,
  recorded_at timestamptz not null,
  redeemed_at timestamptz,
  constraint strike_redeemed_later check (redeemed_at is null or recorded_at <= redeemed_at)
);
create index strikes_of_user on strikes (user_id, recorded_at) where redeemed_at is null;

-- One row for each user who ever had a strike: its lock puts strikes in order, its counter numbers their events.
create table strike_counters (
  user_id uuid primary key,
  sequence bigint not null check (sequence >= 1)
);
