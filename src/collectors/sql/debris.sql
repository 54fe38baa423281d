-- What failed migrations leave behind. An index that is being built is none, nor is one of a partitioned table, which is
-- invalid until every partition has its own; nor a constraint that is not to be enforced (from 18 on).
WITH builds AS MATERIALIZED (
    SELECT pid, index_relid FROM pg_stat_progress_create_index WHERE datname = current_database()
), hidden AS MATERIALIZED (
    -- Whoever may not see which index a session builds spares those of the tables that such a session has locked.
    SELECT l.relation FROM pg_locks l JOIN builds b ON b.pid = l.pid WHERE b.index_relid IS NULL AND l.relation IS NOT NULL
)
SELECT 'index' AS kind, n.nspname AS schemaname, t.relname, c.relname AS name,
       c.relname ~ '_cc(new|old)[0-9]*$' AS leftover
  FROM pg_index i
  JOIN pg_class c ON c.oid = i.indexrelid
  JOIN pg_class t ON t.oid = i.indrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE NOT i.indisvalid
   AND c.relkind = 'i'
   AND c.relpersistence <> 't'
   AND i.indexrelid NOT IN (SELECT index_relid FROM builds WHERE index_relid IS NOT NULL)
   AND i.indrelid NOT IN (SELECT relation FROM hidden)
UNION ALL
SELECT 'constraint', n.nspname, t.relname, k.conname, false
  FROM pg_constraint k
  JOIN pg_class t ON t.oid = k.conrelid
  JOIN pg_namespace n ON n.oid = t.relnamespace
 -- The column is there from 18 on; before, its name finds the true outside.
 CROSS JOIN (SELECT true AS conenforced) AS before_18
 WHERE NOT k.convalidated
   AND (SELECT conenforced FROM (SELECT k.*) AS row)
 ORDER BY 1, 2, 3, 4
