-- no transaction
-- All sessions of a user, also those that were ended: they go when the account is deleted.
drop index concurrently if exists sessions_of_any_user;
create index concurrently sessions_of_any_user on sessions (user_id);
