-- Why a seller withdrew an item; the newest reason, of an attempt that bidding refused as well. Only
-- where the item is cancelled it has happened.
create table item_withdrawals (
  item_id uuid primary key references items (id),
  reason text not null,
  asked_at timestamptz not null default clock_timestamp()
);
