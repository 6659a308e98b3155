-- How often the owner has proved that the account is theirs. Wrong passwords are counted under this number, so
-- each proof leaves the counters of all places behind; they are purged when their time is over. The version before
-- counts under 0.
alter table users add column ownership_proofs integer not null default 0 check (ownership_proofs >= 0);
