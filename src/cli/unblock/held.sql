-- What a session ($1) holds, the strongest first; seen from within its database, names come from pg_class, which nobody locks.
SELECT l.mode, l.locktype, quote_ident(n.nspname) || '.' || quote_ident(c.relname) AS relation
  FROM pg_locks l
  LEFT JOIN pg_class c
    ON l.locktype = 'relation' AND c.oid = l.relation
       AND l.database IN (0, (SELECT d.oid FROM pg_database d WHERE d.datname = current_database()))
  LEFT JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE l.pid = $1 AND l.granted AND l.locktype <> 'virtualxid' AND c.relkind IS DISTINCT FROM 'i'
 ORDER BY array_position(
    '{AccessExclusiveLock,ExclusiveLock,ShareRowExclusiveLock,ShareLock,ShareUpdateExclusiveLock}'::text[], l.mode),
    relation
