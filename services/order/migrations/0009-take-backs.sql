-- Orders that are to be reopened, whose units bid is asked for: the intent is committed before the call, with the number that the
-- reopening will have. It goes with the reopening. Where none follows, the number is given up and the unit with it.
create table take_backs (
  order_id uuid not null references orders (id),
  sequence bigint not null check (sequence >= 2),
  -- When it is given up, or tried again.
  due_at timestamptz not null,
  -- The order is not reopened with this number; bid has yet to learn it.
  given_up_at timestamptz,
  primary key (order_id, sequence)
);
create index take_backs_due on take_backs (due_at);
