-- A batch of 256 bids is a row of 430 KB, and compressing it by pglz took longer than all the rest of the
-- insert (16 ms; lz4 2 ms, uncompressed 3 ms and four times the write-ahead log). lz4 where the server was built with
-- it, which packages and images are. Rows that are there stay as they are.
do $$
begin
  alter table outbox alter column events set compression lz4;
exception when feature_not_supported then
  alter table outbox alter column events set storage external;
end
$$;
