-- A browser's session is named by an opaque cookie, of which only the digest is here. It ends when it is
-- idle for too long, so expires_at moves with its use, and latest_end is where it can move to at most.
-- A session of an API client has refresh tokens instead, and none of these.
alter table sessions
  add column cookie_digest bytea unique check (octet_length(cookie_digest) = 32),
  add column remembered boolean,
  add column latest_end timestamptz,
  add constraint cookie_session_is_whole check (
    (cookie_digest is null) = (remembered is null) and (cookie_digest is null) = (latest_end is null)
  ),
  add constraint session_ends_in_time check (expires_at <= latest_end);
