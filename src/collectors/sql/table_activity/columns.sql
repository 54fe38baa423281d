-- What pg_stat_all_tables and pg_statio_all_tables show, from the functions beneath: the views are two to four times as
-- expensive. Indexes are summed as the views sum them; those of TOAST tables are found under the TOAST table.
WITH indexes AS MATERIALIZED (
    SELECT indrelid,
           -- Sums of float8 keep no state worth mentioning; those of int8 spilled to disk at 30,000 indexes.
           sum(pg_stat_get_numscans(indexrelid)::float8) AS scans,
           sum(pg_stat_get_tuples_fetched(indexrelid)::float8) AS fetched,
           sum((pg_stat_get_blocks_fetched(indexrelid) - pg_stat_get_blocks_hit(indexrelid))::float8) AS blocks_read,
           sum(pg_stat_get_blocks_hit(indexrelid)::float8) AS blocks_hit
      FROM pg_index
     GROUP BY indrelid
), tables AS MATERIALIZED (
    SELECT c.oid, n.nspname, c.relname, nullif(c.reltoastrelid, 0) AS toast,
           -- About fifty rows fill a page; relpages alone would miss what was loaded since the last VACUUM or ANALYZE.
           row_number() OVER (ORDER BY greatest(c.relpages, pg_stat_get_live_tuples(c.oid) / 50) DESC, c.oid) <= $1
             AS own_series
      FROM pg_class c
      JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'm')
       AND c.relpersistence <> 't'
       AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
)
SELECT t.nspname AS schemaname,
       t.relname,
       t.own_series,
       pg_stat_get_numscans(t.oid) AS seq_scans,
       pg_stat_get_tuples_returned(t.oid) AS seq_rows_read,
       own.scans AS index_scans,
       own.fetched + pg_stat_get_tuples_fetched(t.oid) AS index_rows_fetched,
       pg_stat_get_tuples_inserted(t.oid) AS rows_inserted,
       pg_stat_get_tuples_updated(t.oid) AS rows_updated,
       pg_stat_get_tuples_deleted(t.oid) AS rows_deleted,
       pg_stat_get_tuples_hot_updated(t.oid) AS rows_hot_updated,
       pg_stat_get_live_tuples(t.oid) AS live_rows,
       pg_stat_get_dead_tuples(t.oid) AS dead_rows,
       pg_stat_get_mod_since_analyze(t.oid) AS modified_since_analyze,
       pg_stat_get_ins_since_vacuum(t.oid) AS inserted_since_vacuum,
       extract(epoch FROM pg_stat_get_last_vacuum_time(t.oid))::float8 AS last_vacuum,
       extract(epoch FROM pg_stat_get_last_autovacuum_time(t.oid))::float8 AS last_autovacuum,
       extract(epoch FROM pg_stat_get_last_analyze_time(t.oid))::float8 AS last_analyze,
       extract(epoch FROM pg_stat_get_last_autoanalyze_time(t.oid))::float8 AS last_autoanalyze,
       pg_stat_get_vacuum_count(t.oid) AS vacuums,
       pg_stat_get_autovacuum_count(t.oid) AS autovacuums,
       pg_stat_get_analyze_count(t.oid) AS analyzes,
       pg_stat_get_autoanalyze_count(t.oid) AS autoanalyzes,
       pg_stat_get_blocks_fetched(t.oid) - pg_stat_get_blocks_hit(t.oid) AS heap_read,
       pg_stat_get_blocks_hit(t.oid) AS heap_hit,
       own.blocks_read AS index_read,
       own.blocks_hit AS index_hit,
       pg_stat_get_blocks_fetched(t.toast) - pg_stat_get_blocks_hit(t.toast) AS toast_read,
       pg_stat_get_blocks_hit(t.toast) AS toast_hit,
       toasts.blocks_read AS toast_index_read,
       toasts.blocks_hit AS toast_index_hit
