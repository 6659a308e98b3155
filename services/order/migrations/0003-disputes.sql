-- Counting what is not over must not read what is.
create index orders_open on orders (state) where state not in ('completed', 'refunded', 'cancelled');

-- Buyer and seller do not agree. One dispute at a time; a later one of the same order is another row.
create table disputes (
  id uuid primary key,
  order_id uuid not null references orders (id),
  opened_by uuid not null,
  reason text not null check (reason in ('not_arrived', 'not_as_described', 'damaged', 'other')),
  opened_at timestamptz not null,
  -- By when the other side is to answer; after it a moderator may decide without that.
  answer_by timestamptz not null,
  resolution text check (resolution in ('buyer', 'seller', 'withdrawn')),
  refund_amount bigint check (refund_amount > 0),
  resolved_by uuid,
  resolved_at timestamptz,
  constraint dispute_resolved_is_whole check (
    (resolution is null) = (resolved_at is null) and (resolution is null) = (resolved_by is null)),
  constraint dispute_refund_for_the_buyer check (refund_amount is null or resolution = 'buyer')
);
create unique index disputes_open on disputes (order_id) where resolution is null;
create index disputes_of_order on disputes (order_id, id);
create index disputes_to_decide on disputes (answer_by, id) where resolution is null;

create table dispute_messages (
  id uuid primary key,
  dispute_id uuid not null references disputes (id),
  author_id uuid not null,
  author text not null check (author in ('buyer', 'seller', 'moderator')),
  content text not null check (length(content) between 1 and 8000),
  written_at timestamptz not null
);
create index dispute_messages_of on dispute_messages (dispute_id, id);
