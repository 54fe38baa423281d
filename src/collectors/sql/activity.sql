-- Every role sees all rows, but without pg_monitor only names in those of other roles: backend_type is NULL there.
-- The clock moves on while a transaction lasts, now() does not.
SELECT a.datname,
       a.usename,
       a.application_name,
       a.backend_type,
       a.state,
       a.wait_event_type,
       a.wait_event,
       coalesce(a.usename = session_user AND a.application_name = current_setting('application_name'), false) AS own,
       extract(epoch FROM clock_timestamp() - a.xact_start)::float8 AS transaction_age,
       CASE WHEN a.state IN ('active', 'fastpath function call')
            THEN extract(epoch FROM clock_timestamp() - a.query_start)::float8 END AS query_age,
       CASE WHEN a.state LIKE 'idle in transaction%'
            THEN extract(epoch FROM clock_timestamp() - a.state_change)::float8 END AS idle_age
  FROM pg_stat_activity a
