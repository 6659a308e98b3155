-- What the strikes of a user suspend until, beside what an operator decided: the longer of the two holds. An
-- operator who reinstates pardons all strikes so far; only a later one suspends again.
alter table strike_reports
  add column suspended_until timestamptz,
  add column pardoned_until timestamptz;

-- A strike that was redeemed while enough others were left made a suspension without an end.
update suspensions set ends_at = suspended_at + interval '90 days'
  where cause = 'strikes' and ends_at is null;
update strike_reports set suspended_until = suspensions.ends_at
  from suspensions
  where suspensions.user_id = strike_reports.user_id and suspensions.cause = 'strikes';
