-- A search may have been told of a million items: it is gone for its owner at once, and its rows go
-- little by little.
alter table saved_searches add column deleted_at timestamptz;
create index saved_searches_deleted on saved_searches (deleted_at) where deleted_at is not null;

-- What state came up: the item may start before anybody is asked. One that fails stands aside for a
-- while, so that the others are not held up.
alter table search_matchings
  add column status text,
  add column attempts integer not null default 0,
  add column retry_at timestamptz;

create or replace function queue_search_matching() returns trigger language plpgsql as $$
begin
  insert into search_matchings (item_id, reason, status) values (new.id, case old.status
    when 'draft' then 'published' when 'scheduled' then 'started' else 'restored' end, new.status);
  return null;
end $$;
