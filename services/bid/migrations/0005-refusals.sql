-- Refused bids with an Idempotency-Key: the answers to their repetition. A table of its own, since they are
-- no part of the ledger, come in any number, and go again: by week, so that a week is dropped as a whole.
-- No unique key: the lock of the lot lets one request of a key be judged at a time.
create table refusals (
  bidder_id uuid not null,
  idempotency_key text not null,
  request_hash text not null,
  bid_id uuid not null,
  item_id uuid not null,
  max_amount bigint check (max_amount > 0),
  refusal_code text not null,
  refusal_details json,
  decided_at timestamptz not null,
  recorded_at timestamptz not null
) partition by range (recorded_at);
create index refusals_by_key on refusals (bidder_id, idempotency_key);

-- For weeks without a partition, when no worker ran for a month: a refusal must never fail a batch.
create table refusals_default partition of refusals default;
create index refusals_default_age on refusals_default (recorded_at);

-- Attached and not created in place, which would lock out the bids of every week.
create function add_refusals_week(monday date) returns void language plpgsql as $$
declare
  partition text := 'refusals_' || to_char(monday, 'YYYYMMDD');
begin
  execute format('create table %I (like refusals including all)', partition);
  execute format('alter table refusals attach partition %I for values from (%L) to (%L)', partition,
    monday::timestamp at time zone 'UTC', (monday + 7)::timestamp at time zone 'UTC');
end
$$;
select add_refusals_week((date_trunc('week', clock_timestamp() at time zone 'UTC')
  + n * interval '1 week')::date)
from generate_series(0, 4) n;
