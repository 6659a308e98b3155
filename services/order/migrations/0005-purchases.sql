-- An order of a lot that was bought at its buy-now price, and until when the lot is reserved for it. No old row is
-- reserved, so the check is validated in the next migration, which keeps no one out.
alter table orders
  add column purchase_id uuid,
  add column reserved_until timestamptz,
  add constraint order_reserved_for_a_purchase check (reserved_until is null or purchase_id is not null) not valid;
