-- no transaction
-- While deposits are written: what is to be given back, what was taken and is kept, and what the nightly comparison reads.
drop index concurrently if exists deposits_returning;
create index concurrently deposits_returning on deposits (return_wished_at)
  where state = 'captured' and return_wished_at is not null;
drop index concurrently if exists deposits_kept;
create index concurrently deposits_kept on deposits (id) where state = 'captured' and return_wished_at is null;
drop index concurrently if exists deposits_taken;
create index concurrently deposits_taken on deposits (provider, ended_at, id) where state in ('captured', 'returned');
-- The one above is used for what it was for.
drop index concurrently if exists deposits_captured;
