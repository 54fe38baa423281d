"""Parts that several dashboards have."""

from .panels import Column, stat
from .thresholds import ANY_IS_WARNING, LOCK_WAIT, TRANSACTION

CHOSEN = "${datasource:queryparam}&${job:queryparam}&${instance:queryparam}&${__url_time_range}"


EXPORTER_COLUMN = Column("Exporter", label="instance", link={
    "title": "Page of this exporter",
    "url": "http://${__value.raw}/",
    "targetBlank": True,
})
TARGET_COLUMN = Column("Target", label="target", link={
    "title": "Migrations of this server",
    "url": "/d/pgwarden-migrations?" + CHOSEN + "&var-target=${__value.raw:percentencode}",
})
DATABASE_COLUMN = Column("Database", label="datname", empty="(the server)")
SCHEMA_COLUMN = Column("Schema", label="schemaname")
TABLE_COLUMN = Column("Table", label="relname")


def by_database(total, expression):
    """The lines of the whole fleet and of the databases that matter: thousands of zeros are one line."""
    return [
        ("all" if total == "sum" else "anywhere", f"{total}(max by (target, datname) ({expression}))"),
        ("{{target}} {{datname}}", f"topk(10, max by (target, datname) ({expression}) > 0)"),
    ]


def longest_lock_wait():
    return stat(
        "Longest lock wait",
        """How long the session that has waited longest for a lock has waited. "no data" while somebody waits since an
        unknown time.""",
        "max(pgwarden_lock_wait_oldest_seconds{DATABASE})",
        unit="s",
        thresholds=LOCK_WAIT,
        decimals=0,
    )


def oldest_transaction():
    return stat(
        "Oldest transaction",
        "Age of the oldest open transaction. It holds its locks, and keeps vacuum from removing dead rows.",
        "max(pgwarden_transaction_oldest_seconds{DATABASE})",
        unit="s",
        thresholds=TRANSACTION,
        decimals=0,
    )


def sessions_hidden():
    return stat(
        "Sessions hidden",
        "Sessions whose state pgwarden's role may not see. Above 0, all counts and ages here are lower bounds.",
        "sum(max by (target, datname) (pgwarden_sessions_hidden{PLACE}))",
        thresholds=ANY_IS_WARNING,
    )
