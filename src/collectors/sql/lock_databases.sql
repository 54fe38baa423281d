-- The databases that could be migrated at all.
SELECT d.oid, d.datname,
       pg_is_in_recovery() AS in_recovery,
       extract(epoch FROM clock_timestamp())::float8 AS taken_at
  FROM pg_database d
 WHERE d.datallowconn
 ORDER BY d.datname
