-- pg_database_size locks nothing; it needs CONNECT on the database or pg_read_all_stats.
SELECT d.datname,
       CASE WHEN has_database_privilege(d.oid, 'CONNECT') OR pg_has_role('pg_read_all_stats', 'USAGE')
            THEN pg_database_size(d.oid) END AS size,
       age(d.datfrozenxid)::int8 AS transactions,
       mxid_age(d.datminmxid)::int8 AS multixacts,
       nullif(d.datconnlimit, -1)::int8 AS connection_limit,
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
