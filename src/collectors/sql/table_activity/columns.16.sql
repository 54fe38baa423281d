     , pg_stat_get_tuples_newpage_updated(t.oid) AS rows_newpage_updated,
       -- Times cannot be summed, so they are of no use where the table has no series of its own.
       CASE WHEN t.own_series THEN extract(epoch FROM pg_stat_get_lastscan(t.oid))::float8 END AS last_seq_scan,
       CASE WHEN t.own_series
            THEN (SELECT extract(epoch FROM max(pg_stat_get_lastscan(i.indexrelid)))::float8
                    FROM pg_index i WHERE i.indrelid = t.oid) END AS last_index_scan
