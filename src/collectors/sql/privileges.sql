SELECT wanted.name,
       coalesce((SELECT pg_has_role(r.oid, 'USAGE') FROM pg_roles r WHERE r.rolname = wanted.name), false) AS granted
  FROM unnest(ARRAY['pg_read_all_stats', 'pg_read_all_settings', 'pg_read_all_data']) AS wanted (name)
 WHERE EXISTS (SELECT FROM pg_roles r WHERE r.rolname = wanted.name)
