-- The tables of these names ($1), or all for none: estimates of the last VACUUM or ANALYZE and counters, neither of which
-- takes a lock on the table, unlike the size functions. A partitioned table has what its partitions have, on every level.
WITH RECURSIVE path AS (
    SELECT replace(trim(both ' "' FROM entry), '$user', current_user) AS nspname, position
      FROM pg_settings, unnest(string_to_array(reset_val, ',')) WITH ORDINALITY AS entries (entry, position)
     WHERE name = 'search_path'
), wanted AS (
    SELECT c.oid, n.nspname, c.relname
      FROM pg_class c
      JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'm', 'p')
       AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
       AND (cardinality($1::text[]) = 0 OR c.relname = ANY ($1))
       AND NOT starts_with(n.nspname, 'pg_temp_') AND NOT starts_with(n.nspname, 'pg_toast_temp_')
), members AS (
    SELECT oid AS whole, oid FROM wanted
     UNION ALL
    SELECT m.whole, i.inhrelid
      FROM members m
      JOIN pg_class parent ON parent.oid = m.oid AND parent.relkind = 'p'
      JOIN pg_inherits i ON i.inhparent = parent.oid
), parts AS (
    SELECT m.whole,
           CASE WHEN s.analyzed OR c.relpages > 0 THEN greatest(c.reltuples, s.live, 0)::int8
                WHEN s.live > 0 THEN s.live END AS rows,
           CASE WHEN s.analyzed OR c.relpages > 0
                THEN (c.relpages + coalesce(toast.relpages, 0) + indexes.pages) * current_setting('block_size')::int8 END AS bytes,
           s.written
      FROM members m
      JOIN pg_class c ON c.oid = m.oid AND c.relkind IN ('r', 'm')
      LEFT JOIN pg_class toast ON toast.oid = c.reltoastrelid
     CROSS JOIN LATERAL (
           SELECT coalesce(sum(i.relpages), 0) AS pages
             FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid
            WHERE x.indrelid IN (c.oid, c.reltoastrelid)
           ) indexes
     CROSS JOIN LATERAL (
           SELECT pg_stat_get_live_tuples(c.oid) AS live,
                  pg_stat_get_tuples_inserted(c.oid) + pg_stat_get_tuples_updated(c.oid)
                    + pg_stat_get_tuples_deleted(c.oid) AS written,
                  coalesce(pg_stat_get_last_vacuum_time(c.oid), pg_stat_get_last_autovacuum_time(c.oid),
                           pg_stat_get_last_analyze_time(c.oid), pg_stat_get_last_autoanalyze_time(c.oid)) IS NOT NULL AS analyzed
           ) s
), wholes AS (
    -- A partition that nobody ever wrote to adds nothing; one of unknown size makes the whole unknown.
    SELECT whole, sum(rows)::int8 AS rows, sum(written)::int8 AS written,
           CASE WHEN bool_and(bytes IS NOT NULL OR written = 0) THEN sum(bytes)::int8 END AS bytes
      FROM parts
     GROUP BY whole
)
SELECT w.nspname AS schema,
       w.relname AS table,
       wholes.rows,
       wholes.bytes,
       coalesce(wholes.written, 0) AS written,
       path.position IS NOT NULL AS visible
  FROM wanted w
  LEFT JOIN wholes ON wholes.whole = w.oid
  LEFT JOIN path ON path.nspname = w.nspname
 ORDER BY path.position NULLS LAST, w.nspname, w.relname
