-- Who else logs in from there.
create index known_origins_of_digest on known_origins (digest);
