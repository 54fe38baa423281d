SELECT gid, extract(epoch FROM prepared)::float8 AS prepared_at, owner, database AS datname FROM pg_prepared_xacts
