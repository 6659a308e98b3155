-- Recorded traces in which orders were completed whose money is payable, and is in a payout: links of its trace.
alter table payout_candidates add column traceparents text[] not null default '{}';
alter table payouts add column traceparents text[] not null default '{}';
