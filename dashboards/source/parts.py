"""Parts that several dashboards have."""

from .panels import Column

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
