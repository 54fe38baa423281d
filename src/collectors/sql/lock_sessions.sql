-- Sessions that hold or await a lock ($1) or have work in hand. Our own, of the same role and application_name, concern
-- nobody unless they hold something. backend_start in microseconds, because a float does not tell two of them apart for
-- certain.
SELECT a.pid,
       (extract(epoch FROM a.backend_start) * 1000000)::int8 AS backend_start,
       a.leader_pid,
       coalesce(a.datid, 0) AS database,
       a.datname,
       a.usename,
       a.application_name,
       host(a.client_addr) AS client_addr,
       a.backend_type,
       CASE WHEN a.query = '<insufficient privilege>' OR a.state = 'disabled' THEN 'hidden' ELSE a.state END AS state,
       extract(epoch FROM a.xact_start)::float8 AS xact_start,
       extract(epoch FROM a.query_start)::float8 AS query_start,
       extract(epoch FROM a.state_change)::float8 AS state_change,
       a.wait_event,
       age(a.backend_xmin)::int8 AS xmin_age,
       left(a.query, 1000) AS query,
       us.own,
       extract(epoch FROM clock_timestamp())::float8 AS taken_at
  FROM pg_stat_activity a
 CROSS JOIN LATERAL (
    SELECT (a.usename = session_user AND a.application_name = current_setting('application_name')) IS TRUE AS own
 ) us
 WHERE a.pid <> pg_backend_pid()
   AND (a.pid = ANY ($1::int4[])
        OR NOT us.own AND (a.backend_type = 'startup' OR a.datid IS NOT NULL AND a.state IS DISTINCT FROM 'idle'))
