-- A seller who cancelled an order alone may put the item up for auction again, and offer it to no one.
alter table freed_units add column is_offerable boolean not null default true;
