"""Take no payment of nothing."""

from alembic import op

revision = "7c1e0b9d42fa"
down_revision = "3f9a1c5e7b20"


def upgrade():
    op.execute("SET lock_timeout = '5s'")
    op.create_check_constraint("payments_amount_positive", "payments", "amount > 0", postgresql_not_valid=True)


def downgrade():
    op.drop_constraint("payments_amount_positive", "payments")
