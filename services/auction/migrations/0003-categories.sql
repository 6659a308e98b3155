-- The tree that items are sorted into. Only administrators change it.
create table categories (
  id uuid primary key,
  parent_id uuid references categories (id),
  name text not null check (char_length(name) between 1 and 80),
  description text not null default '' check (char_length(description) <= 1000),
  status text not null default 'active' check (status in ('active', 'hidden')),
  created_at timestamptz not null default clock_timestamp(),
  updated_at timestamptz not null default clock_timestamp(),
  constraint category_is_not_its_own_parent check (parent_id <> id)
);
create unique index categories_name on categories (parent_id, lower(name)) nulls not distinct;

-- What an item of a category tells about itself; a category has those above it as well.
create table category_attributes (
  category_id uuid not null references categories (id) on delete cascade,
  key text not null check (key ~ '^[a-z][a-z0-9_]{0,39}$'),
  label text not null check (char_length(label) between 1 and 80),
  kind text not null check (kind in ('text', 'number', 'choice')),
  unit text check (char_length(unit) between 1 and 20),
  choices text[],
  primary key (category_id, key),
  constraint category_attribute_choices
    check ((kind = 'choice') = (choices is not null) and coalesce(cardinality(choices), 1) between 1 and 200),
  constraint category_attribute_unit check (unit is null or kind = 'number')
);

-- Few per item and always read with it, so they lie in its row. Nothing of this changes with a bid.
alter table items add column category_ids uuid[] not null default '{}'
  check (cardinality(category_ids) <= 5);
create index items_categories on items using gin (category_ids);

create table item_attributes (
  id uuid primary key,
  item_id uuid not null references items (id) on delete cascade,
  key text not null check (key ~ '^[a-z][a-z0-9_]{0,39}$'),
  value text not null check (char_length(value) between 1 and 500),
  -- The same as a number where the category says it is one, for filters by range.
  number numeric,
  created_at timestamptz not null default clock_timestamp(),
  unique (item_id, key)
);
create index item_attributes_values on item_attributes (key, value);
create index item_attributes_numbers on item_attributes (key, number) where number is not null;
