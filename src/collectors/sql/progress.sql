-- One row a session: what it does, and how far it has come in this phase. A VACUUM or ANALYZE is listed to be told from DDL.
SELECT pid, 'create_index' AS view, command, coalesce(relid, 0) AS relation, coalesce(index_relid, 0) AS index,
       coalesce(phase, '') AS phase,
       coalesce(blocks_done, 0) AS blocks_done, coalesce(blocks_total, 0) AS blocks_total,
       coalesce(tuples_done, 0) AS tuples_done, coalesce(tuples_total, 0) AS tuples_total,
       coalesce(lockers_done, 0) AS lockers_done, coalesce(lockers_total, 0) AS lockers_total
  FROM pg_stat_progress_create_index
UNION ALL
SELECT pid, 'cluster', command, coalesce(relid, 0), 0, coalesce(phase, ''),
       coalesce(heap_blks_scanned, 0), coalesce(heap_blks_total, 0),
       coalesce(heap_tuples_scanned, 0) + coalesce(heap_tuples_written, 0), 0, 0, 0
  FROM pg_stat_progress_cluster
UNION ALL
SELECT pid, 'vacuum', 'VACUUM', coalesce(relid, 0), 0, coalesce(phase, ''), 0, 0, 0, 0, 0, 0
  FROM pg_stat_progress_vacuum
UNION ALL
SELECT pid, 'analyze', 'ANALYZE', coalesce(relid, 0), 0, coalesce(phase, ''), 0, 0, 0, 0, 0, 0
  FROM pg_stat_progress_analyze
