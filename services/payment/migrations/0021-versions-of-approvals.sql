-- A request is approved only while what it is about is as it was when it was asked for.
alter table approvals
  -- What competes with it has the same name: an order, the rates of one scope, a tax status, a payout.
  add column subject text check (length(subject) between 1 and 200),
  -- The state of that when it was asked for. Null: a former version asked, and it has to be asked for again.
  add column version text check (length(version) between 1 and 200);
-- Refunds have a key for each order (approvals_of_key); all else had none until now.
create unique index approvals_of_request on approvals (kind, asked_by, idempotency_key)
  where idempotency_key is not null and kind <> 'refund';
create index approvals_open_of_subject on approvals (subject) where state = 'open';
