-- The warehouse ships what is new and refills the shelves; both read whole tables, as nothing better is indexed.
UPDATE orders SET status = 'shipped' WHERE status = 'new' AND placed_at < now() - interval '5 seconds';
UPDATE products SET stock = 1000 WHERE stock < 100;
SELECT count(*) FROM order_lines WHERE product_id = 1 + floor(500 * random())::bigint;
SELECT pg_sleep(2);
