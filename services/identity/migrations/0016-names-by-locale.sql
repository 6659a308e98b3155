-- no transaction
-- Of a database that knew upper and lower case of ASCII only until its locale was set right.
reindex index concurrently users_name_prefix;
