-- Every row that is sent leaves a dead entry in outbox_unsent, which the relay's scan from the start
-- passes over until the next vacuum. The default waits until a fifth of a week of rows has changed.
-- Not less than a fiftieth: below it a vacuum may skip the indexes, and would have done nothing.
alter table outbox set (
  autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 5000,
  autovacuum_analyze_scale_factor = 0.02, autovacuum_analyze_threshold = 5000);
