-- What bids change and searches sort by, of the items that can be bid on, in rows of their own. An
-- index on such a column of `items` made every bid insert into every index of that wide table.
create table item_ranking (
  item_id uuid primary key references items (id) on delete cascade,
  currency_code text not null,
  current_price bigint not null,
  bid_count integer not null
-- A search needs the first rows in order: workers beside it start too late to help.
) with (fillfactor = 60, parallel_workers = 0);

-- Triggers, so that no statement can forget it, those of an earlier version neither. The caller has
-- locked the item, so two never meet here.
create function rank_item() returns trigger language plpgsql as $$
begin
  if new.status in ('scheduled', 'active') then
    insert into item_ranking (item_id, currency_code, current_price, bid_count)
    values (new.id, new.currency_code, new.current_price, new.bid_count)
    on conflict (item_id) do update set currency_code = excluded.currency_code,
      current_price = excluded.current_price, bid_count = excluded.bid_count;
  else
    delete from item_ranking where item_id = new.id;
  end if;
  return null;
end $$;
-- From here to the end of this file no item can be written: what is copied stays what it was.
create trigger items_ranked
  after update of current_price, bid_count, currency_code, status on items for each row
  when ((old.current_price, old.bid_count, old.currency_code, old.status)
    is distinct from (new.current_price, new.bid_count, new.currency_code, new.status))
  execute function rank_item();
create trigger items_ranked_first after insert on items for each row
  when (new.status in ('scheduled', 'active')) execute function rank_item();

insert into item_ranking (item_id, currency_code, current_price, bid_count)
select id, currency_code, current_price, bid_count from items
 where status in ('scheduled', 'active');

create index item_ranking_by_price on item_ranking (currency_code, current_price, item_id);
create index item_ranking_by_bids on item_ranking (bid_count, item_id);
analyze item_ranking;
