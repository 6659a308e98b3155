-- A refund of money that is on its way to the seller: it waits until it is known whether the seller was paid, and then for
-- what is asked back of it. The row goes when that is known.
create table payout_waits (
  refund_id uuid primary key references refunds (id),
  payout_id uuid not null references payouts (id),
  -- What the refund asks back of the payout.
  amount bigint not null check (amount > 0),
  created_at timestamptz not null default clock_timestamp()
);
create index payout_waits_of_payout on payout_waits (payout_id);
