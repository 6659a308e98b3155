-- A moderator may end the wait for what a decision owes. The sequence of the order then: what was decided before it is not
-- given any more, also when that decision is consumed later.
alter table payment_orders add column settled_sequence integer;

alter table owed_refunds
  drop constraint owed_refunds_state_check,
  add constraint owed_refunds_state_check check (state in ('open', 'done', 'given_up', 'settled')) not valid;
