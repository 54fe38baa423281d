"""Open the shop."""

from alembic import op

revision = "3f9a1c5e7b20"
down_revision = None


def upgrade():
    op.execute(
        "CREATE TABLE orders (id serial PRIMARY KEY, customer_id bigint NOT NULL, status text NOT NULL DEFAULT 'new', "
        "placed_at timestamptz NOT NULL DEFAULT now())"
    )


def downgrade():
    op.drop_table("orders")
