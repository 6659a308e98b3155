-- The recorded trace of the last bid that moved a lot, until it is closed: the closing names it. Written after the
-- commit of the bid, and only of traces that are recorded.
create table lot_traces (
  item_id uuid primary key,
  sequence bigint not null,
  traceparent text not null check (length(traceparent) = 55)
);
