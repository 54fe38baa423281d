SELECT wanted.name, e.extversion AS version
  FROM unnest(ARRAY['pg_stat_statements', 'hypopg', 'pgstattuple']) AS wanted (name)
  LEFT JOIN pg_extension e ON e.extname = wanted.name
