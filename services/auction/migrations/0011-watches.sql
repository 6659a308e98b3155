-- Who watches what. How many watch an item is counted, never stored: a stored count would make
-- everybody who watches a popular item wait for the same row.
create table watches (
  item_id uuid not null references items (id) on delete cascade,
  user_id uuid not null,
  -- Milliseconds, because a position in the list passes through JavaScript's dates.
  created_at timestamptz(3) not null default clock_timestamp(),
  primary key (item_id, user_id)
);
create index watches_of_user on watches (user_id, created_at desc, item_id desc);

-- A seller's items by state, newest first, and how many there are of each.
create index items_of_seller_by_status on items (seller_id, status, id);
