SELECT database AS datname,
       count(*)::int8 AS transactions,
       max(extract(epoch FROM clock_timestamp() - prepared))::float8 AS oldest
  FROM pg_prepared_xacts
 GROUP BY database
