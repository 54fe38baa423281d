-- A version table is one whose only column is version_num, or one that the configuration names ($1: schema or '', $2: table).
-- Privileges are NULL for a table that was dropped since the statement began.
-- AccessExclusiveLock counts whether granted or only awaited: a reader would queue behind either.
WITH locked AS MATERIALIZED (
    SELECT l.relation
      FROM pg_locks l
      JOIN pg_database d ON d.oid = l.database
     WHERE l.locktype = 'relation' AND l.mode = 'AccessExclusiveLock' AND d.datname = current_database()
), version_table AS (
    SELECT c.oid,
           n.nspname AS schemaname,
           c.relname,
           c.oid IN (SELECT relation FROM locked)
             OR EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indexrelid IN (SELECT relation FROM locked))
             AS locked,
           has_schema_privilege(n.oid, 'USAGE')
             AND (has_table_privilege(c.oid, 'SELECT') OR has_column_privilege(c.oid, a.attnum, 'SELECT'))
             AND NOT row_security_active(c.oid) AS readable
      FROM pg_class c
      JOIN pg_namespace n ON n.oid = c.relnamespace
      JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'version_num' AND NOT a.attisdropped
     WHERE c.relkind IN ('r', 'p')
       AND c.relpersistence <> 't'
       AND (NOT EXISTS (SELECT FROM pg_attribute other
                         WHERE other.attrelid = c.oid AND other.attnum > 0
                           AND NOT other.attisdropped AND other.attnum <> a.attnum)
            OR EXISTS (SELECT FROM unnest($1::text[], $2::text[]) AS named (schemaname, relname)
                        WHERE named.relname = c.relname AND named.schemaname IN ('', n.nspname)))
)
SELECT oid, schemaname, relname, locked, readable
  FROM version_table
 WHERE readable IS NOT NULL
 ORDER BY schemaname, relname
