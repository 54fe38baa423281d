-- One session ($1) as it is now; backend_start tells it from a later one with the same pid.
SELECT a.pid,
       (extract(epoch FROM a.backend_start) * 1000000)::int8 AS backend_start,
       a.datname, a.usename, r.rolsuper IS TRUE AS superuser, a.application_name, host(a.client_addr) AS client_addr,
       a.backend_type, a.state, a.query,
       extract(epoch FROM a.query_start)::float8 AS query_start,
       extract(epoch FROM clock_timestamp() - a.xact_start)::float8 AS transaction_age,
       coalesce(a.application_name = current_setting('application_name') OR a.pid = pg_backend_pid(), false) AS own
  FROM pg_stat_activity a
  LEFT JOIN pg_roles r ON r.oid = a.usesysid
 WHERE a.pid = $1
