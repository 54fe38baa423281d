-- A shop as it grew: mostly sound, with the mistakes that real ones have.

CREATE TABLE alembic_version (version_num varchar(32) CONSTRAINT alembic_version_pkc PRIMARY KEY);
INSERT INTO alembic_version VALUES ('7c1e0b9d42fa');

CREATE TABLE customers (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    email text NOT NULL CONSTRAINT customers_email_key UNIQUE,
    phone text,
    name text NOT NULL,
    country char(2) NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
-- A mistake: customers_email_key is this index already.
CREATE INDEX ix_customers_email ON customers (email);

CREATE TABLE products (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sku text NOT NULL UNIQUE,
    title text NOT NULL,
    price numeric(10, 2) NOT NULL CHECK (price >= 0),
    stock integer NOT NULL,
    attributes jsonb NOT NULL DEFAULT '{}'
);

CREATE TABLE orders (
    -- A mistake: serial ends at 2147483647.
    id serial PRIMARY KEY,
    customer_id bigint NOT NULL REFERENCES customers,
    status text NOT NULL DEFAULT 'new',
    placed_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ix_orders_customer_id ON orders (customer_id);

CREATE TABLE order_lines (
    order_id integer REFERENCES orders ON DELETE CASCADE,
    line smallint,
    -- A mistake: no index serves this foreign key.
    product_id bigint NOT NULL REFERENCES products,
    quantity integer NOT NULL,
    price numeric(10, 2) NOT NULL,
    PRIMARY KEY (order_id, line)
);

CREATE TABLE payments (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    order_id integer NOT NULL REFERENCES orders,
    amount numeric(10, 2) NOT NULL,
    -- A mistake: without time zone.
    paid_at timestamp NOT NULL DEFAULT now()
);
CREATE INDEX ix_payments_order_id ON payments (order_id);

CREATE TABLE audit_log (
    happened_at timestamptz NOT NULL DEFAULT now(),
    actor text NOT NULL,
    event jsonb NOT NULL
) PARTITION BY RANGE (happened_at);
CREATE INDEX ix_audit_log_happened_at ON audit_log (happened_at);

DO $$
DECLARE
    month timestamptz;
BEGIN
    FOR n IN -3 .. 1 LOOP
        month := date_trunc('month', now()) + n * interval '1 month';
        EXECUTE format(
            'CREATE TABLE %I PARTITION OF audit_log FOR VALUES FROM (%L) TO (%L)',
            'audit_log_' || to_char(month, 'YYYY_MM'), month, month + interval '1 month'
        );
    END LOOP;
END $$;

INSERT INTO customers (email, phone, name, country, created_at)
SELECT
    'customer' || n || '@example.com', '+49 30 ' || n % 4999, 'Customer ' || n,
    (ARRAY['DE', 'FR', 'IT', 'NL', 'PL'])[1 + (sqrt(n)::int % 5)], now() - random() * interval '700 days'
FROM generate_series(1, 5000) AS n;

INSERT INTO products (sku, title, price, stock, attributes)
SELECT 'SKU-' || n, 'Product ' || n, 1 + n % 97, 1000, jsonb_build_object('colour', n % 7, 'weight', n)
FROM generate_series(1, 500) AS n;

INSERT INTO orders (customer_id, status, placed_at)
SELECT
    1 + floor(5000 * power(random(), 2)), (ARRAY['shipped', 'shipped', 'shipped', 'returned'])[1 + n % 4],
    now() - random() * interval '90 days'
FROM generate_series(1, 50000) AS n;

INSERT INTO order_lines
SELECT orders.id, line, products.id, 1 + floor(3 * random()), products.price
FROM orders, generate_series(1, 3) AS line, products
WHERE products.id = 1 + (orders.id * 31 + line * 7) % 500;

INSERT INTO payments (order_id, amount, paid_at)
SELECT order_id, sum(quantity * price), now() FROM order_lines WHERE order_id % 10 <> 0 GROUP BY order_id;

INSERT INTO audit_log
SELECT placed_at, 'checkout', jsonb_build_object('order', id) FROM orders
WHERE placed_at >= date_trunc('month', now()) - interval '3 months';

-- A mistake: nobody came back to validate it.
ALTER TABLE payments ADD CONSTRAINT payments_amount_positive CHECK (amount > 0) NOT VALID;

GRANT SELECT ON ALL TABLES IN SCHEMA public TO pgwarden;
