-- Entries by which the platform earned something or gave it back, until their invoices are issued.
create table invoice_tasks (
  entry_id bigint primary key references ledger_entries (id)
);
insert into invoice_tasks (entry_id)
  select distinct entry_id from ledger_postings where account in ('platform:commission', 'platform:premium');

-- Numbers have no gaps: the counter is raised in the transaction that issues, and goes back with it.
create table invoice_series (
  series text primary key
    check (series in ('commission', 'commission_credit', 'premium', 'premium_credit')),
  last_number bigint not null default 0 check (last_number >= 0)
);
insert into invoice_series (series)
  values ('commission'), ('commission_credit'), ('premium'), ('premium_credit');

create table invoices (
  id uuid primary key,
  series text not null references invoice_series (series),
  number bigint not null check (number >= 1),
  entry_id bigint not null references ledger_entries (id),
  user_id uuid not null,
  payment_id uuid not null,
  order_id uuid not null,
  -- The invoice that a credit note takes something back of.
  corrects uuid references invoices (id),
  currency_code text not null check (currency_code ~ '^[A-Z]{3}$'),
  net bigint not null,
  tax bigint not null,
  -- What it says, in the bytes that the digest is of.
  snapshot text not null,
  sha256 bytea not null check (octet_length(sha256) = 32),
  issued_at timestamptz not null,
  unique (series, number),
  constraint invoice_is_of_something check (net + tax > 0),
  constraint invoice_credit_corrects check ((series in ('commission_credit', 'premium_credit')) = (corrects is not null))
);
create unique index invoices_once on invoices (entry_id, left(series, 7));
create index invoices_of_user on invoices (user_id, id desc);
create index invoices_of_sale on invoices (payment_id, order_id);

create function refuse_invoice_change() returns trigger language plpgsql as $$
begin
  raise exception 'invoices are never changed' using errcode = '42501';
end $$;
create trigger invoices_append_only before update or delete or truncate on invoices
  for each statement execute function refuse_invoice_change();

-- Rendered from the snapshot; the same bytes whenever that is done again.
create table invoice_documents (
  invoice_id uuid primary key references invoices (id),
  pdf bytea not null,
  sha256 bytea not null check (octet_length(sha256) = 32),
  rendered_at timestamptz not null default clock_timestamp()
);
create table unrendered_invoices (
  invoice_id uuid primary key references invoices (id)
);
