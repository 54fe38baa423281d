-- What is awaited, what stands in its way, and what tells a migration: modes that only DDL takes, writes to system
-- catalogs, any lock on a version table ($1: its database, $2: its oid). pg_locks copies the lock table and lets go;
-- pg_blocking_pids would stop it for everybody, once for each session that waits.
WITH locks AS MATERIALIZED (
    SELECT l.locktype, l.virtualtransaction, l.pid, l.mode, l.granted, l.transactionid,
           coalesce(l.database, 0) AS database,
           coalesce(l.relation, 0) AS relation,
           coalesce(l.classid, 0) AS class,
           CASE WHEN l.locktype = 'relation' THEN ''
                ELSE concat_ws('/', l.page, l.tuple, l.virtualxid, l.transactionid, l.objid, l.objsubid) END AS detail,
           -- The column is there from 14 on; before, its name finds the NULL outside.
           CASE WHEN NOT l.granted THEN (SELECT waitstart FROM (SELECT l.*) AS row) END AS wait_start
      FROM pg_locks l
     CROSS JOIN (SELECT NULL::timestamptz AS waitstart) AS before_14
     WHERE l.mode <> 'SIReadLock'
), awaited AS MATERIALIZED (
    SELECT DISTINCT locktype, database, relation, class, detail FROM locks WHERE NOT granted
), prepared AS MATERIALIZED (
    -- The only link between a prepared transaction and its locks is the one on its own transaction id.
    SELECT l.virtualtransaction, x.gid
      FROM locks l
      JOIN pg_prepared_xacts x ON x.transaction = l.transactionid
     WHERE l.pid IS NULL AND l.locktype = 'transactionid'
)
SELECT l.pid, p.gid, l.locktype, l.database, l.relation, l.class, l.detail, l.mode, l.granted,
       extract(epoch FROM l.wait_start)::float8 AS wait_start
  FROM locks l
  LEFT JOIN prepared p ON l.pid IS NULL AND p.virtualtransaction = l.virtualtransaction
 WHERE coalesce(l.pid, 0) <> pg_backend_pid()
   AND (NOT l.granted
        OR l.mode IN ('ShareUpdateExclusiveLock', 'ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock',
                      'AccessExclusiveLock') AND l.locktype IN ('relation', 'object', 'tuple')
        OR l.mode = 'RowExclusiveLock' AND l.locktype = 'relation' AND l.relation < 16384
        OR l.locktype = 'relation'
           AND (l.database, l.relation) IN (SELECT * FROM unnest($1::oid[], $2::oid[]))
        OR (l.locktype, l.database, l.relation, l.class, l.detail) IN (SELECT * FROM awaited))
