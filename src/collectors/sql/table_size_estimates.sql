-- Sizes from pg_class.relpages alone: it opens no relation, so that nothing can block it. Beside them, what tells whether
-- a size can have changed: counters of changes, the files, and whether somebody is writing now (counters of a
-- transaction are not seen before it ends).
WITH writing AS MATERIALIZED (
    SELECT DISTINCT l.relation
      FROM pg_locks l
      JOIN pg_database d ON d.oid = l.database
     WHERE l.locktype = 'relation' AND l.granted AND l.mode NOT IN ('AccessShareLock', 'RowShareLock')
       AND d.datname = current_database()
)
SELECT c.oid,
       n.nspname AS schemaname,
       c.relname,
       -- Unknown is -1; on 13 it is 0 without pages, as an empty table that was analysed is.
       CASE WHEN c.reltuples > 0
              OR c.reltuples = 0 AND (c.relpages > 0 OR current_setting('server_version_num')::int4 >= 140000)
            THEN c.reltuples::float8 END AS rows,
       c.relpages::float8 * b.size AS heap,
       coalesce(t.relpages + ti.relpages, 0)::float8 * b.size AS toast,
       coalesce(i.pages, 0)::float8 * b.size AS indexes,
       pg_stat_get_tuples_inserted(c.oid) + pg_stat_get_tuples_updated(c.oid) + pg_stat_get_tuples_deleted(c.oid)
         + pg_stat_get_vacuum_count(c.oid) + pg_stat_get_autovacuum_count(c.oid) AS changes,
       c.relfilenode::int8 + coalesce(t.relfilenode::int8, 0) + coalesce(i.files, 0)::int8 AS files,
       c.oid IN (SELECT relation FROM writing) AS writing
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
 CROSS JOIN (SELECT current_setting('block_size')::float8) AS b (size)
  LEFT JOIN pg_class t ON t.oid = c.reltoastrelid
  LEFT JOIN pg_index tx ON tx.indrelid = c.reltoastrelid
  LEFT JOIN pg_class ti ON ti.oid = tx.indexrelid
  LEFT JOIN (SELECT x.indrelid, sum(ic.relpages) AS pages, sum(ic.relfilenode::int8) AS files
               FROM pg_index x
               JOIN pg_class ic ON ic.oid = x.indexrelid
              GROUP BY x.indrelid) AS i ON i.indrelid = c.oid
 WHERE c.relkind IN ('r', 'm')
   AND c.relpersistence <> 't'
   AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
