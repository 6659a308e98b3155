-- What the platform decided to give back to a buyer, until it is given: as far as something is left of the order, and
-- again when the provider could not give it.
create table owed_refunds (
  id uuid primary key,
  payment_id uuid not null,
  order_id uuid not null,
  -- What decided it; each decision is owed once.
  source text not null unique check (length(source) between 1 and 200),
  amount bigint not null check (amount > 0),
  -- given_up: the provider could not give it, however often it was asked; an operator decides.
  state text not null default 'open' check (state in ('open', 'done', 'given_up')),
  created_at timestamptz not null default clock_timestamp(),
  foreign key (payment_id, order_id) references payment_orders (payment_id, order_id)
);
create index owed_refunds_open on owed_refunds (payment_id) where state = 'open';

alter table refunds add column owed_id uuid references owed_refunds (id);
create index refunds_of_owed on refunds (owed_id) where owed_id is not null;

-- inquiry: the bank asks, and has taken nothing; it ends as closed, or becomes a dispute.
alter table payment_disputes
  drop constraint payment_disputes_state_check,
  add constraint payment_disputes_state_check check (state in ('inquiry', 'open', 'won', 'lost', 'closed'));

-- A difference that a person closed is not recorded again while both sides still say the same.
create index payment_differences_closed on payment_differences (provider, kind, reference) where closed_at is not null;
