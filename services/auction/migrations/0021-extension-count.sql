-- How often extensions have moved the end, as far as the read model knows. item.extended is published
-- when it rises, by whichever event brings it.
alter table items add column extension_count integer not null default 0 check (extension_count >= 0);
