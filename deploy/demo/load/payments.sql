-- Payments arrive, one a second.
INSERT INTO payments (order_id, amount)
SELECT id, 29.97 FROM orders WHERE status = 'shipped' ORDER BY id DESC LIMIT 1
\watch 1
