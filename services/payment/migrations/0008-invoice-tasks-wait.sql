-- An entry whose invoice cannot be issued yet waits, and the others go on.
alter table invoice_tasks
  add column due_at timestamptz not null default clock_timestamp(),
  add column failures integer not null default 0,
  add column problem text;
create index invoice_tasks_due on invoice_tasks (due_at, entry_id);
