-- Somebody in the office looks a customer up, changes a name, and goes for coffee before the commit.
BEGIN;
SELECT count(*) FROM customers WHERE country = 'DE';
UPDATE customers SET name = initcap(name) WHERE id = 1 + floor(5000 * random())::bigint;
\! sleep 20
COMMIT;
SELECT pg_sleep(40);
