-- The recorded trace in which an order changed last: what a timer does to it later names it.
create table order_traces (
  order_id uuid primary key references orders (id) on delete cascade,
  traceparent text not null check (length(traceparent) = 55)
);
