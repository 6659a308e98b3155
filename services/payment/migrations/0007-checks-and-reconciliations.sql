-- A captured payment is looked at once a day for 120 days: a report of a chargeback or of a refund by hand may be lost.
alter table payments add column next_check_at timestamptz;
update payments set next_check_at = clock_timestamp() + random() * interval '1 day'
  where state = 'captured' and captured_at > clock_timestamp() - interval '120 days';
create index payments_checks on payments (next_check_at) where next_check_at is not null;

-- When the books of a provider are compared next, and how that went last.
create table reconciliations (
  provider text primary key,
  -- While they are compared: when another worker takes it over.
  due_at timestamptz not null default clock_timestamp(),
  -- Up to where they were compared.
  compared_to timestamptz,
  ended_at timestamptz,
  charges bigint not null default 0,
  payments bigint not null default 0,
  differences bigint not null default 0,
  created_at timestamptz not null default clock_timestamp()
);
