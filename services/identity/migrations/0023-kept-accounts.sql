-- An account is deleted at `due_at`, some days after its owner asked for it. Until then a mailed link, whose digest
-- this is, or a login keeps it. What the owner owes is looked at earlier and more often, at `look_at`. A worker of before
-- knows only `due_at`, so that it deletes at the end too; its API sets no `look_at`, and the look is the end.
alter table deletions
  add column look_at timestamptz,
  add column digest bytea unique check (octet_length(digest) = 32);
create index deletions_look on deletions (coalesce(look_at, due_at));
