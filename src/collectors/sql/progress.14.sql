-- Appended from 14 on. bytes_total is 0 where the data comes from the client.
UNION ALL
SELECT pid, 'copy' AS view, command, coalesce(relid, 0) AS relation, 0 AS index, '' AS phase,
       bytes_processed AS blocks_done, bytes_total AS blocks_total,
       tuples_processed AS tuples_done, 0 AS tuples_total, 0 AS lockers_done, 0 AS lockers_total
  FROM pg_stat_progress_copy
