-- no transaction
-- Thousands of deposits that are let go of are no longer read through by who looks for the others.
drop index concurrently if exists deposits_due_release;
create index concurrently deposits_due_release on deposits (due_at) where due_at is not null and wish = 'release';
drop index concurrently if exists deposits_due_other;
create index concurrently deposits_due_other on deposits (due_at)
  where due_at is not null and wish is distinct from 'release';
