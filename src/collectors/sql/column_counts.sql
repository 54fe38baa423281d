-- pg_stats shows the columns that our role may read, of tables without a row security policy that binds it.
SELECT count(*)::int8 AS total,
       count(*) FILTER (WHERE t.readable OR has_column_privilege(t.oid, a.attnum, 'SELECT') AND t.unhindered)::int8
         AS readable
  FROM (SELECT c.oid,
               NOT row_security_active(c.oid) AS unhindered,
               has_table_privilege(c.oid, 'SELECT') AND NOT row_security_active(c.oid) AS readable
          FROM pg_class c
          JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE c.relkind IN ('r', 'm', 'p')
           AND c.relpersistence <> 't'
           AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
        OFFSET 0) AS t
  JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped
