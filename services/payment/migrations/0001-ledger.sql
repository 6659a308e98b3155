-- The ledger: every fact about money is an entry, and its postings say between which accounts how much moved.
-- What an account holds is the sum of its postings; nothing else says so. docs/money.md has the accounts.
create table ledger_entries (
  id bigint primary key generated always as identity,
  -- The fact: it is posted once, however often it is reported.
  key text not null unique check (length(key) between 1 and 200),
  kind text not null check (kind in (
    'capture', 'release', 'refund', 'refund_paid', 'refund_failed', 'dispute_opened', 'dispute_won',
    'dispute_lost', 'payout_sent', 'payout_done', 'payout_failed', 'provider_cost', 'correction'
  )),
  order_id uuid,
  payment_id uuid,
  -- How many postings it has. All of their places are taken when it is committed, so none comes later.
  lines smallint not null check (lines between 2 and 100),
  -- Nothing below a millisecond, so that a digest can be worked out again.
  posted_at timestamptz not null default date_trunc('milliseconds', clock_timestamp())
    check (posted_at = date_trunc('milliseconds', posted_at)),
  unique (id, lines)
);
create index ledger_entries_of_order on ledger_entries (order_id, id) where order_id is not null;
create index ledger_entries_of_payment on ledger_entries (payment_id, id) where payment_id is not null;
create index ledger_entries_by_time on ledger_entries (posted_at, id);

create table ledger_postings (
  entry_id bigint not null,
  line smallint not null,
  lines smallint not null,
  account text not null check (account ~ (
    '^(clearing:[a-z][a-z0-9_]{0,31}'
    || '|seller:(pending|payable):[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}'
    || '|platform:(commission|premium)|tax:[A-Z]{2}(-[A-Z0-9]{1,3})?|provider:costs'
    || '|payout:in_transit|dispute:held|refund:due)$'
  )),
  currency_code text not null check (currency_code ~ '^[A-Z]{3}$'),
  -- Minor units. Above zero the account is debited, below it is credited.
  amount bigint not null check (amount <> 0),
  primary key (entry_id, line),
  foreign key (entry_id, lines) references ledger_entries (id, lines),
  constraint ledger_posting_has_a_place check (line between 1 and lines)
);
-- Balances and statements are read from this index alone.
create index ledger_postings_of_account on ledger_postings (account, entry_id)
  include (currency_code, amount);

-- Looked at when the transaction commits, once for each entry.
create function require_balanced_entry() returns trigger language plpgsql as $$
declare
  found_lines integer;
  is_balanced boolean;
begin
  select sum(lines), coalesce(bool_and(total = 0), false) into found_lines, is_balanced
  from (
    select count(*) as lines, sum(amount) as total
    from ledger_postings where entry_id = new.id group by currency_code
  ) as by_currency;
  if found_lines is distinct from new.lines::integer then
    raise exception 'ledger entry % has % postings of %', new.key, coalesce(found_lines, 0), new.lines
      using errcode = 'check_violation', constraint = 'ledger_entry_is_whole';
  end if;
  if not is_balanced then
    raise exception 'ledger entry % does not add up to zero', new.key
      using errcode = 'check_violation', constraint = 'ledger_entry_is_balanced';
  end if;
  return null;
end $$;
create constraint trigger ledger_entries_balanced after insert on ledger_entries
  deferrable initially deferred for each row execute function require_balanced_entry();

-- Entries that are committed are chained a moment later, so that captures never wait for one another (ADR 0045).
create table unsealed_entries (
  entry_id bigint primary key references ledger_entries (id)
);

create table ledger_seals (
  sequence bigint primary key check (sequence >= 1),
  entry_id bigint not null unique references ledger_entries (id),
  previous_digest bytea not null check (octet_length(previous_digest) = 32),
  digest bytea not null unique check (octet_length(digest) = 32)
);

create function refuse_ledger_change() returns trigger language plpgsql as $$
begin
  raise exception 'the ledger is never changed' using errcode = '42501';
end $$;
create trigger ledger_entries_append_only before update or delete or truncate on ledger_entries
  for each statement execute function refuse_ledger_change();
create trigger ledger_postings_append_only before update or delete or truncate on ledger_postings
  for each statement execute function refuse_ledger_change();
create trigger ledger_seals_append_only before update or delete or truncate on ledger_seals
  for each statement execute function refuse_ledger_change();
