-- The columns of pg_stat_all_tables and pg_statio_all_tables from the functions beneath: the views join and group what
-- is not needed here, and cost a multiple on thousands of tables. None of the functions opens a relation.
WITH indexes AS MATERIALIZED (
    SELECT i.indrelid,
           max(extract(epoch FROM pg_stat_get_lastscan(i.indexrelid))) AS last_scan,
           sum(pg_stat_get_numscans(i.indexrelid)) AS scans,
           sum(pg_stat_get_tuples_fetched(i.indexrelid)) AS fetched,
           sum(pg_stat_get_blocks_fetched(i.indexrelid) - pg_stat_get_blocks_hit(i.indexrelid)) AS read,
           sum(pg_stat_get_blocks_hit(i.indexrelid)) AS hit
      FROM pg_index i
     GROUP BY i.indrelid
)
SELECT n.nspname AS schemaname,
       c.relname,
       greatest(c.relpages, pg_stat_get_live_tuples(c.oid) / 50)::float8 AS rank,
       pg_stat_get_numscans(c.oid) AS seq_scans,
       pg_stat_get_tuples_returned(c.oid) AS seq_rows_read,
       i.scans::int8 AS index_scans,
       (i.fetched + pg_stat_get_tuples_fetched(c.oid))::int8 AS index_rows_fetched,
       extract(epoch FROM pg_stat_get_lastscan(c.oid))::float8 AS last_seq_scan,
       i.last_scan::float8 AS last_index_scan,
       pg_stat_get_tuples_newpage_updated(c.oid) AS rows_newpage_updated,
       pg_stat_get_tuples_inserted(c.oid) AS rows_inserted,
       pg_stat_get_tuples_updated(c.oid) AS rows_updated,
       pg_stat_get_tuples_deleted(c.oid) AS rows_deleted,
       pg_stat_get_tuples_hot_updated(c.oid) AS rows_hot_updated,
       pg_stat_get_live_tuples(c.oid) AS live_rows,
       pg_stat_get_dead_tuples(c.oid) AS dead_rows,
       pg_stat_get_mod_since_analyze(c.oid) AS modified_since_analyze,
       pg_stat_get_ins_since_vacuum(c.oid) AS inserted_since_vacuum,
       extract(epoch FROM pg_stat_get_last_vacuum_time(c.oid))::float8 AS last_vacuum,
       extract(epoch FROM pg_stat_get_last_autovacuum_time(c.oid))::float8 AS last_autovacuum,
       extract(epoch FROM pg_stat_get_last_analyze_time(c.oid))::float8 AS last_analyze,
       extract(epoch FROM pg_stat_get_last_autoanalyze_time(c.oid))::float8 AS last_autoanalyze,
       pg_stat_get_vacuum_count(c.oid) AS vacuums,
       pg_stat_get_autovacuum_count(c.oid) AS autovacuums,
       pg_stat_get_analyze_count(c.oid) AS analyzes,
       pg_stat_get_autoanalyze_count(c.oid) AS autoanalyzes,
       pg_stat_get_blocks_fetched(c.oid) - pg_stat_get_blocks_hit(c.oid) AS heap_read,
       pg_stat_get_blocks_hit(c.oid) AS heap_hit,
       i.read::int8 AS index_read,
       i.hit::int8 AS index_hit,
       CASE WHEN c.reltoastrelid <> 0 THEN
         pg_stat_get_blocks_fetched(c.reltoastrelid) - pg_stat_get_blocks_hit(c.reltoastrelid) END AS toast_read,
       CASE WHEN c.reltoastrelid <> 0 THEN pg_stat_get_blocks_hit(c.reltoastrelid) END AS toast_hit,
       t.read::int8 AS toast_index_read,
       t.hit::int8 AS toast_index_hit
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN indexes i ON i.indrelid = c.oid
  LEFT JOIN indexes t ON t.indrelid = c.reltoastrelid
 WHERE c.relkind IN ('r', 'm')
   AND c.relpersistence <> 't'
   AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
