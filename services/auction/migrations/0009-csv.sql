-- What was imported under a key, so that sending it again answers the same.
create table item_imports (
  seller_id uuid not null,
  idempotency_key text not null check (char_length(idempotency_key) between 1 and 128),
  body_hash text not null,
  item_ids uuid[] not null,
  imported_at timestamptz not null default clock_timestamp(),
  primary key (seller_id, idempotency_key)
);
create index item_imports_age on item_imports (imported_at);

-- An export goes through a seller's items by id: ends move while it runs, ids do not.
create index items_of_seller_by_id on items (seller_id, id);
