-- no transaction
-- While money moves: rows that were there are checked without stopping it.
alter table deposits validate constraint deposits_state_check;
alter table deposits validate constraint deposit_taken_as_wished;
alter table deposits validate constraint deposit_returned_as_wished;
alter table deposits validate constraint deposit_return_of_a_taken_one;
alter table deposit_operations validate constraint deposit_operations_kind_check;
alter table ledger_entries validate constraint ledger_entries_kind_check;
