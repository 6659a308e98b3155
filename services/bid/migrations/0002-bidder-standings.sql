-- Who may not bid, as identity told it. A row stays when its user may bid again: its sequence is
-- what an older event that comes late is compared with.
create table bidder_standings (
  user_id uuid primary key,
  standing text not null check (standing in ('ok', 'suspended', 'deleted')),
  -- The version of the account at identity.
  sequence bigint not null check (sequence >= 1),
  updated_at timestamptz not null default clock_timestamp()
);
