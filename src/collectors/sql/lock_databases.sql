-- The databases in which anybody but us has a relation locked, and those that could be migrated at all.
SELECT d.oid, d.datname,
       d.oid IN (SELECT l.database FROM pg_locks l WHERE l.locktype = 'relation' AND l.pid IS DISTINCT FROM pg_backend_pid())
         AS locked,
       pg_is_in_recovery() AS in_recovery,
       extract(epoch FROM clock_timestamp())::float8 AS taken_at
  FROM pg_database d
 WHERE d.datallowconn
 ORDER BY d.datname
