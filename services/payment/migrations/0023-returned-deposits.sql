-- A deposit that was taken is given back when its order is paid after all (R-DEPOSIT-6).
alter table deposits
  -- Since when it is to be given back; null: it is kept.
  add column return_wished_at timestamptz,
  add column returned_at timestamptz,
  drop constraint deposits_state_check,
  add constraint deposits_state_check check (state in (
    'requested', 'held', 'released', 'captured', 'returned', 'expired', 'failed', 'mismatch'
  )) not valid,
  drop constraint deposit_taken_as_wished,
  add constraint deposit_taken_as_wished
    check (state not in ('captured', 'returned') or (wish = 'capture' and held_at is not null)) not valid,
  add constraint deposit_returned_as_wished
    check ((state = 'returned') = (returned_at is not null) and (returned_at is null or return_wished_at is not null))
    not valid,
  add constraint deposit_return_of_a_taken_one check (return_wished_at is null or wish = 'capture') not valid;

alter table deposit_operations
  drop constraint deposit_operations_kind_check,
  add constraint deposit_operations_kind_check check (kind in ('begin', 'capture', 'cancel', 'refund')) not valid;

alter table ledger_entries
  drop constraint ledger_entries_kind_check,
  add constraint ledger_entries_kind_check check (kind in (
    'capture', 'release', 'refund', 'refund_paid', 'refund_failed', 'dispute_opened', 'dispute_won',
    'dispute_lost', 'payout_sent', 'payout_done', 'payout_failed', 'payout_reversed', 'payout_returned',
    'provider_cost', 'deposit_captured', 'deposit_returned', 'deposit_refunded', 'correction'
  )) not valid;
