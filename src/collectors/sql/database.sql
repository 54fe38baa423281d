-- pg_database_size locks nothing; it needs CONNECT on the database or pg_read_all_stats, and fails for a database that was
-- dropped since the statement began: has_database_privilege is NULL then.
SELECT d.datname,
       CASE WHEN has_database_privilege(d.oid, 'CONNECT')
              OR has_database_privilege(d.oid, 'CONNECT') IS NOT NULL AND pg_has_role('pg_read_all_stats', 'USAGE')
            THEN pg_database_size(d.oid) END AS size,
       age(d.datfrozenxid)::int8 AS transactions,
       mxid_age(d.datminmxid)::int8 AS multixacts,
       CASE WHEN d.datconnlimit >= 0 THEN d.datconnlimit END::int8 AS connection_limit,
       s.numbackends::int8 AS connections,
       s.xact_commit AS commits,
       s.xact_rollback AS rollbacks,
       s.deadlocks,
       s.temp_bytes,
       extract(epoch FROM s.stats_reset)::float8 AS stats_reset
  FROM pg_database d
  LEFT JOIN pg_stat_database s ON s.datid = d.oid
 WHERE d.datallowconn
 ORDER BY d.datname
