-- The names of relations ($1), never through a function that would wait for a lock on them, and the partitions that a
-- DETACH CONCURRENTLY has not let go of: it holds no lock on them while it waits.
WITH detaching AS MATERIALIZED (
    SELECT i.inhrelid
      FROM pg_inherits i
     -- The column is there from 14 on; before, its name finds the false outside.
     CROSS JOIN (SELECT false AS inhdetachpending) AS before_14
     WHERE (SELECT inhdetachpending FROM (SELECT i.*) AS row)
)
SELECT c.oid,
       n.nspname AS schemaname,
       c.relname,
       quote_ident(n.nspname) || '.' || quote_ident(c.relname) AS identity,
       c.relpersistence = 't' AS temporary,
       c.oid IN (SELECT inhrelid FROM detaching) AS detaching
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.oid = ANY ($1::oid[]) OR c.oid IN (SELECT inhrelid FROM detaching)
