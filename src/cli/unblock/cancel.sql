-- Ends nothing unless the session ($1) is still the one that was shown ($2: its backend_start in microseconds).
SELECT pg_cancel_backend(a.pid) AS sent
  FROM pg_stat_activity a
 WHERE a.pid = $1 AND (extract(epoch FROM a.backend_start) * 1000000)::int8 = $2
