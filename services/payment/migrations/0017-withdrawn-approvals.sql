-- Who asked for something may withdraw it, which is to reject it. All rows that are there fit, so none is checked.
alter table approvals
  drop constraint approval_by_another,
  add constraint approval_by_another check (state = 'rejected' or decided_by <> asked_by) not valid;
