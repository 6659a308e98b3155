-- no transaction
-- In a file of its own: when this is cut off, what replaces it stays (0024).
drop index concurrently if exists sessions_of_user;
