-- Old entries are purged every minute, by this index and not by reading all of them.
create index inbox_attempts_age on inbox_attempts (last_at);
alter table inbox_attempts set (
  autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
