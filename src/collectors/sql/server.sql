SELECT current_setting('server_version') AS version,
       extract(epoch FROM pg_postmaster_start_time())::float8 AS started,
       extract(epoch FROM pg_conf_load_time())::float8 AS configured,
       pg_is_in_recovery() AS in_recovery,
       current_setting('max_connections')::int8 AS max_connections,
       current_setting('superuser_reserved_connections')::int8 AS reserved_connections,
       current_setting('autovacuum_freeze_max_age')::int8 AS freeze_max_age,
       current_setting('max_locks_per_transaction')::int8
         * (current_setting('max_connections')::int8 + current_setting('max_prepared_transactions')::int8)
         AS lock_slots,
       (SELECT coalesce(sum(numbackends), 0)::int8 FROM pg_stat_database) AS connections
