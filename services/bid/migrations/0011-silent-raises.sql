-- A leader who raises the own maximum moves nothing that others may see. Such a bid takes no sequence: it has
-- that of the change before it, and its number among the silent raises of its lot. 0 is a bid that all see; the
-- version before writes 0 for each of its bids, as it counts and shows every one.
-- Lots first, as a batch of bids takes its locks.
alter table lots add column silent_raises integer not null default 0;
alter table bids add column silent_raise integer not null default 0;
