-- Schemas with tables that our role may not read: their statistics in pg_stats are invisible, and so are version tables.
SELECT n.nspname AS schemaname,
       coalesce(has_schema_privilege(n.oid, 'USAGE'), false) AS usable,
       count(*)::int8 AS tables
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p', 'm')
   AND c.relpersistence <> 't'
   AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
   AND NOT (has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT'))
 GROUP BY n.oid, n.nspname
 ORDER BY n.nspname
