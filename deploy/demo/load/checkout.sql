-- Customers buy: a few inserts and updates in one transaction, several times a second.
WITH bought AS (
    INSERT INTO orders (customer_id) VALUES (1 + floor(5000 * power(random(), 2))) RETURNING id
), lines AS (
    INSERT INTO order_lines
    SELECT bought.id, line, 1 + floor(500 * random()), 1 + floor(3 * random()), 9.99
    FROM bought, generate_series(1, 3) AS line
    RETURNING product_id, quantity
), stock AS (
    UPDATE products SET stock = stock - lines.quantity FROM lines WHERE products.id = lines.product_id
)
INSERT INTO audit_log (actor, event) SELECT 'checkout', jsonb_build_object('order', id) FROM bought
\watch 0.2
