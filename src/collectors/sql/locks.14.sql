-- Every role sees all of pg_locks. A backend waits for one lock at a time, so each row that is not granted is one that waits.
-- Shared catalogs and transactions belong to no database; theirs is that of the session.
SELECT coalesce(d.datname, a.datname) AS datname,
       l.locktype = 'relation' AS on_relation,
       l.mode,
       l.granted,
       count(*)::int8 AS locks,
       max(extract(epoch FROM clock_timestamp() - l.waitstart))::float8 AS longest_wait
  FROM pg_locks l
  LEFT JOIN pg_stat_activity a ON a.pid = l.pid
  LEFT JOIN pg_database d ON d.oid = l.database
 WHERE (a.usename = session_user AND a.application_name = current_setting('application_name')) IS NOT TRUE
 GROUP BY 1, 2, 3, 4
