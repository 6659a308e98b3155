-- The categories that an item was in until an instant, and the place of a category in the tree: a sale is charged by what they
-- were when it was made, and its order may ask later. Triggers write them, so that no way of changing either can forget it, nor a
-- process of the version before this.
create table item_categories_before (
  item_id uuid not null references items (id) on delete cascade,
  until timestamptz not null default clock_timestamp(),
  category_ids uuid[] not null,
  primary key (item_id, until)
);
create index item_categories_before_until on item_categories_before (until);

-- Without a foreign key: a category that was deleted had its place as well.
create table category_places_before (
  category_id uuid not null,
  until timestamptz not null default clock_timestamp(),
  parent_id uuid,
  primary key (category_id, until)
);
create index category_places_before_until on category_places_before (until);

create function keep_item_categories() returns trigger language plpgsql as $$
begin
  insert into item_categories_before (item_id, category_ids) values (old.id, old.category_ids);
  return null;
end $$;
-- A draft cannot be sold.
create trigger items_categories_kept after update of category_ids on items
  for each row when (old.status <> 'draft' and old.category_ids is distinct from new.category_ids)
  execute function keep_item_categories();

create function keep_category_place() returns trigger language plpgsql as $$
begin
  insert into category_places_before (category_id, parent_id) values (old.id, old.parent_id);
  return null;
end $$;
create trigger categories_place_kept after update of parent_id on categories
  for each row when (old.parent_id is distinct from new.parent_id) execute function keep_category_place();
create trigger categories_deletion_kept after delete on categories
  for each row execute function keep_category_place();
