-- The tables of these names ($1), or all for none: estimates of the last VACUUM or ANALYZE and counters, neither of which
-- takes a lock on the table, unlike the size functions.
WITH path AS (
    SELECT replace(trim(both ' "' FROM entry), '$user', current_user) AS nspname, position
      FROM pg_settings, unnest(string_to_array(reset_val, ',')) WITH ORDINALITY AS entries (entry, position)
     WHERE name = 'search_path'
), pages AS (
    SELECT c.oid, c.relpages + coalesce(toast.relpages, 0)
                + coalesce((SELECT sum(i.relpages) FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid
                             WHERE x.indrelid IN (c.oid, c.reltoastrelid)), 0) AS pages
      FROM pg_class c
      LEFT JOIN pg_class toast ON toast.oid = c.reltoastrelid
     WHERE c.relkind IN ('r', 'm')
)
SELECT n.nspname AS schema,
       c.relname AS table,
       CASE WHEN s.analyzed OR c.relpages > 0 THEN greatest(c.reltuples, s.live, 0)::int8
            WHEN s.live > 0 THEN s.live END AS rows,
       CASE WHEN s.analyzed OR c.relpages > 0
            THEN (p.pages * current_setting('block_size')::int8)::int8 END AS bytes,
       s.written,
       path.position IS NOT NULL AS visible
  FROM pg_class c
  JOIN pages p ON p.oid = c.oid
  JOIN pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN path ON path.nspname = n.nspname
 CROSS JOIN LATERAL (
       SELECT pg_stat_get_live_tuples(c.oid) AS live,
              pg_stat_get_tuples_inserted(c.oid) + pg_stat_get_tuples_updated(c.oid)
                + pg_stat_get_tuples_deleted(c.oid) AS written,
              coalesce(pg_stat_get_last_vacuum_time(c.oid), pg_stat_get_last_autovacuum_time(c.oid),
                       pg_stat_get_last_analyze_time(c.oid), pg_stat_get_last_autoanalyze_time(c.oid)) IS NOT NULL AS analyzed
       ) s
 WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
   AND (cardinality($1::text[]) = 0 OR c.relname = ANY ($1))
   AND NOT starts_with(n.nspname, 'pg_temp_') AND NOT starts_with(n.nspname, 'pg_toast_temp_')
 ORDER BY path.position NULLS LAST, n.nspname, c.relname
