-- An account is deleted some days after its owner asked for it. Until then a mailed link, whose digest this
-- is, or a login keeps it. `due_at` is the next look at what the owner owes. Without a time: at that look, as
-- older processes ask for it.
alter table deletions
  add column deleted_after timestamptz,
  add column digest bytea unique check (octet_length(digest) = 32);
