-- Since when what it pays out was payable: when it fails, that is as old as before. Null: a former version planned it.
alter table payouts add column payable_since timestamptz;
