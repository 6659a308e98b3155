-- Items change with every bid and are kept for ever: by the default, a fifth of all would be dead before a
-- vacuum. Queues are short and busy: a vacuum is due by count, whatever their size.
alter table items set (
  autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000,
  autovacuum_analyze_scale_factor = 0.01, autovacuum_analyze_threshold = 1000);
alter table bidder_checks set (
  autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);
alter table search_matchings set (
  autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);
alter table terms_changes set (
  autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);

-- The sweeper asks every second which attempt is old enough.
create index terms_changes_attempted on terms_changes (attempted_at);
