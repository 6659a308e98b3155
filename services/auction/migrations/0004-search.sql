-- Search of items. Both extensions are trusted: the owner of the database may create them.
create extension if not exists unaccent;
create extension if not exists pg_trgm;

create text search configuration item_search (copy = english);
alter text search configuration item_search
  alter mapping for hword, hword_part, word with unaccent, english_stem;

-- Beside the items and not in them: every bid rewrites an item's row, and this would go along.
create table item_search (
  item_id uuid primary key references items (id) on delete cascade,
  -- Names weigh most (A), then attributes (B), then descriptions (C).
  document tsvector not null,
  -- For words that are spelt wrong.
  name text not null
);
create index item_search_document on item_search using gin (document) with (fastupdate = off);
create index item_search_name on item_search using gin (name gin_trgm_ops);

create function index_item(item uuid) returns void language sql as $$
  insert into item_search (item_id, document, name)
  select items.id,
         setweight(to_tsvector('item_search', items.name), 'A')
           || setweight(to_tsvector('item_search', coalesce(attributes.words, '')), 'B')
           || setweight(to_tsvector('item_search', left(items.description, 5000)), 'C'),
         lower(unaccent(items.name))
    from items
    left join lateral (
      select string_agg(value, ' ') as words from item_attributes where item_id = items.id
    ) as attributes on true
   where items.id = item
  on conflict (item_id) do update set document = excluded.document, name = excluded.name
$$;

-- Triggers, so that no way of changing an item can forget it. Bids change none of these columns.
create function index_changed_item() returns trigger language plpgsql as $$
begin
  if tg_table_name = 'items' then
    perform index_item(new.id);
  elsif tg_op = 'DELETE' then
    perform index_item(old.item_id) where exists (select 1 from items where id = old.item_id);
  else
    perform index_item(new.item_id);
  end if;
  return null;
end $$;
create trigger items_searched after insert or update of name, description on items
  for each row execute function index_changed_item();
create trigger item_attributes_searched after insert or update or delete on item_attributes
  for each row execute function index_changed_item();

select index_item(id) from items;

create index items_newest on items (published_at desc, id desc)
  where status in ('scheduled', 'active', 'reserved', 'ended', 'sold', 'expired');
create index items_price on items (currency_code, current_price, id)
  where status in ('scheduled', 'active');
