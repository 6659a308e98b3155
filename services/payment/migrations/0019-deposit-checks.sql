-- no transaction
-- While money moves: rows that were there are checked without stopping it.
alter table ledger_entries validate constraint ledger_entries_kind_check;
alter table ledger_postings validate constraint ledger_postings_account_check;
