-- A database marked invalid (datconnlimit -2, an interrupted DROP DATABASE) accepts no session.
SELECT datname FROM pg_database WHERE datallowconn AND datconnlimit <> -2 ORDER BY oid
