-- The default waits until a fifth of a table has changed. Of a table that keeps everything for ever, that is
-- millions of dead rows, through which every search for due lots would walk.
alter table lots set (
  autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000,
  autovacuum_analyze_scale_factor = 0.01, autovacuum_analyze_threshold = 1000);
-- The ledger only grows: vacuum there keeps index-only scans cheap and freezes in small steps.
alter table bids set (
  autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.02,
  autovacuum_analyze_scale_factor = 0.02);
alter table lot_bidders set (
  autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.02,
  autovacuum_analyze_scale_factor = 0.02);
