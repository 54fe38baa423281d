-- Readable columns that can matter first: those of keys and indexes of large tables, then by size of the table. Then
-- pg_stats for these alone: read whole, the view takes seconds on thousands of tables. OFFSET 0 keeps the planner from
-- doing just that.
WITH tables AS MATERIALIZED (
    -- About fifty rows fill a page: partitioned tables have rows and no pages. Unknown is -1 rows, or 0 on 13.
    SELECT c.oid, n.nspname, c.relname,
           c.relkind = 'p' AS inherited,
           CASE WHEN c.reltuples > 0 THEN c.reltuples::float8 END AS rows,
           greatest(c.relpages, c.reltuples / 50) AS size,
           has_table_privilege(c.oid, 'SELECT') AS readable
      FROM pg_class c
      JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'm', 'p')
       AND c.relpersistence <> 't'
       AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
       AND NOT (c.relrowsecurity AND row_security_active(c.oid))
), candidates AS MATERIALIZED (
    SELECT t.nspname, t.relname, t.inherited, t.rows, a.attname
      FROM tables t
      JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped
     WHERE t.readable OR has_column_privilege(t.oid, a.attnum, 'SELECT')
     -- Below 256 pages nobody misses an index.
     ORDER BY t.size >= 256
              AND (EXISTS (SELECT FROM pg_index i WHERE i.indrelid = t.oid AND a.attnum = ANY (i.indkey))
                   OR EXISTS (SELECT FROM pg_constraint k WHERE k.conrelid = t.oid AND a.attnum = ANY (k.conkey))) DESC,
              t.size DESC, t.oid, a.attnum
     LIMIT nullif($1::int8, 0)
)
SELECT c.nspname AS schemaname,
       c.relname,
       c.attname,
       -- Negative is a share of the rows, 0 is unknown.
       CASE WHEN s.n_distinct > 0 THEN s.n_distinct
            WHEN s.n_distinct < 0 THEN -s.n_distinct * c.rows END::float8 AS distinct_values,
       s.null_frac::float8 AS null_fraction,
       s.avg_width::float8 AS average_width,
       s.correlation::float8 AS correlation,
       s.most_common_freqs[1]::float8 AS most_common_frequency
  FROM candidates c
  JOIN LATERAL (SELECT p.n_distinct, p.null_frac, p.avg_width, p.correlation, p.most_common_freqs
                  FROM pg_stats p
                 WHERE p.schemaname = c.nspname AND p.tablename = c.relname AND p.attname = c.attname
                   AND p.inherited = c.inherited
                OFFSET 0) AS s ON true
