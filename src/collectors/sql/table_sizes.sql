-- A size function opens its relation, so it would queue behind ACCESS EXCLUSIVE, held or only awaited: on the table,
-- on an index (REINDEX), on the toast table or its index. The relations that are free are settled before any size
-- function runs; what is left out keeps its estimate. NULL: dropped meanwhile.
WITH locked AS MATERIALIZED (
    SELECT DISTINCT l.relation
      FROM pg_locks l
      JOIN pg_database d ON d.oid = l.database
     WHERE l.locktype = 'relation' AND l.mode = 'AccessExclusiveLock' AND d.datname = current_database()
), busy AS MATERIALIZED (
    SELECT relation AS oid FROM locked
    UNION
    SELECT i.indrelid FROM pg_index i JOIN locked ON locked.relation = i.indexrelid
), free AS MATERIALIZED (
    SELECT c.oid, c.reltoastrelid
      FROM pg_class c
     WHERE c.oid = ANY ($1)
       AND c.oid NOT IN (SELECT oid FROM busy)
       AND c.reltoastrelid NOT IN (SELECT oid FROM busy)
)
SELECT oid,
       pg_table_size(oid)::float8 AS main,
       CASE WHEN reltoastrelid = 0 THEN 0 ELSE pg_total_relation_size(reltoastrelid) END::float8 AS toast,
       pg_indexes_size(oid)::float8 AS indexes
  FROM free
