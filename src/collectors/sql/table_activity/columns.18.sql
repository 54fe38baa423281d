     , pg_stat_get_total_vacuum_time(t.oid) / 1000 AS vacuum_seconds,
       pg_stat_get_total_autovacuum_time(t.oid) / 1000 AS autovacuum_seconds,
       pg_stat_get_total_analyze_time(t.oid) / 1000 AS analyze_seconds,
       pg_stat_get_total_autoanalyze_time(t.oid) / 1000 AS autoanalyze_seconds
