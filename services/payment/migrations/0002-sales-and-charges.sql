-- What sellers pay for a sale, set by operators. Rows are only added: the newest one that is valid and fits decides, and
-- a sale keeps what was decided for it.
create table commission_rates (
  id uuid primary key,
  -- Null: of every category, seller or currency.
  category_id uuid,
  seller_id uuid,
  currency_code text check (currency_code ~ '^[A-Z]{3}$'),
  basis_points integer not null check (basis_points between 0 and 10000),
  min_amount bigint check (min_amount >= 0),
  max_amount bigint check (max_amount >= 0),
  valid_from timestamptz not null,
  valid_to timestamptz,
  created_by uuid not null,
  created_at timestamptz not null default clock_timestamp(),
  constraint commission_bounds_have_a_currency
    check (currency_code is not null or num_nonnulls(min_amount, max_amount) = 0),
  constraint commission_bounds_in_order check (min_amount <= max_amount),
  constraint commission_never_in_the_past check (valid_from >= created_at),
  constraint commission_ends_after_it_begins check (valid_to > valid_from)
);
create index commission_rates_of on commission_rates (seller_id, category_id, valid_from);

-- None is shipped: an operator enters what the law of the installation says.
create table tax_rates (
  id uuid primary key,
  jurisdiction text not null check (jurisdiction ~ '^[A-Z]{2}(-[A-Z0-9]{1,3})?$'),
  kind text not null check (kind in ('commission', 'premium')),
  basis_points integer not null check (basis_points between 0 and 10000),
  valid_from timestamptz not null,
  valid_to timestamptz,
  created_by uuid not null,
  created_at timestamptz not null default clock_timestamp(),
  constraint tax_never_in_the_past check (valid_from >= created_at),
  constraint tax_ends_after_it_begins check (valid_to > valid_from)
);
create index tax_rates_of on tax_rates (jurisdiction, kind, valid_from);

-- Users whom the platform charges no tax, and why; an operator checked that.
create table tax_statuses (
  user_id uuid primary key,
  reason text not null check (reason in ('reverse_charge', 'exempt', 'outside_scope')),
  note text not null check (length(note) between 1 and 500),
  set_by uuid not null,
  set_at timestamptz not null default clock_timestamp()
);

create function refuse_rate_change() returns trigger language plpgsql as $$
begin
  raise exception 'rates are never changed' using errcode = '42501';
end $$;
create trigger commission_rates_append_only before update or delete or truncate on commission_rates
  for each statement execute function refuse_rate_change();
create trigger tax_rates_append_only before update or delete or truncate on tax_rates
  for each statement execute function refuse_rate_change();

-- One order of one payment that was captured, and what of it the platform took. Amounts are those of the capture; what
-- became of them is in the ledger.
create table sales (
  payment_id uuid not null,
  order_id uuid not null,
  item_id uuid not null,
  seller_id uuid not null,
  buyer_id uuid not null,
  provider text not null,
  currency_code text not null check (currency_code ~ '^[A-Z]{3}$'),
  seller_gross bigint not null check (seller_gross >= 0),
  premium bigint not null check (premium >= 0),
  commission_rate_id uuid references commission_rates (id),
  commission_basis_points integer not null check (commission_basis_points between 0 and 10000),
  commission bigint not null check (commission >= 0),
  commission_tax bigint not null check (commission_tax >= 0),
  commission_tax_basis_points integer not null check (commission_tax_basis_points >= 0),
  commission_tax_reason text not null
    check (commission_tax_reason in ('standard', 'reverse_charge', 'exempt', 'outside_scope', 'not_registered')),
  premium_tax bigint not null check (premium_tax >= 0),
  premium_tax_basis_points integer not null check (premium_tax_basis_points >= 0),
  premium_tax_reason text not null
    check (premium_tax_reason in ('standard', 'reverse_charge', 'exempt', 'outside_scope', 'not_registered')),
  jurisdiction text check (jurisdiction ~ '^[A-Z]{2}(-[A-Z0-9]{1,3})?$'),
  captured_at timestamptz not null default clock_timestamp(),
  -- Set when the order is completed.
  completed_at timestamptz,
  primary key (payment_id, order_id),
  constraint sale_is_of_something check (seller_gross + premium > 0),
  constraint sale_charges_fit check (commission + commission_tax <= seller_gross),
  constraint sale_premium_has_its_tax check (premium_tax <= premium),
  constraint sale_parties_differ check (seller_id <> buyer_id),
  constraint sale_tax_has_a_jurisdiction
    check (jurisdiction is not null or commission_tax + premium_tax = 0)
);
create index sales_of_order on sales (order_id);
create index sales_of_seller on sales (seller_id, captured_at);
create index sales_of_buyer on sales (buyer_id, captured_at);
