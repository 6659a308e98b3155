-- When bids could be placed (R-CLOSE-13): each bid API proves it every second and prolongs the last period. After
-- more than a minute without a proof the next one begins a new period, so the time between two periods is an outage.
create table bidding_periods (
  since timestamptz primary key,
  until timestamptz not null,
  constraint period_is_forward check (since <= until)
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);

-- The end and the hard end of a lot have been moved by so much, because bids could not be placed before the end.
-- The instant stays when the seller chooses another end later, so that no lot is extended twice.
alter table lots add column outage_extended_at timestamptz,
  add column outage_extension_ms bigint not null default 0;

-- Extensions after an outage, at their place in the ledger of the lot. It is the record of why the end moved, too.
create table outage_extensions (
  item_id uuid primary key,
  sequence bigint not null,
  outage_from timestamptz not null,
  outage_until timestamptz not null,
  previous_ends_at timestamptz not null,
  ends_at timestamptz not null,
  decided_at timestamptz not null,
  constraint outage_is_forward check (outage_from < outage_until and outage_until <= decided_at),
  constraint outage_extends check (previous_ends_at < ends_at and decided_at < ends_at)
);

create function forbid_outage_change() returns trigger language plpgsql as $$
begin
  raise exception 'the record of extensions after an outage is append-only' using errcode = 'restrict_violation';
end
$$;
create trigger outage_extensions_append_only before update or delete on outage_extensions
  for each row execute function forbid_outage_change();
create trigger outage_extensions_never_emptied before truncate on outage_extensions
  for each statement execute function forbid_outage_change();
