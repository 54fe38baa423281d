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
DATABASE_COLUMN = Column("Database", label="datname", words={"": ("(server)", "transparent")})
SCHEMA_COLUMN = Column("Schema", label="schemaname")
TABLE_COLUMN = Column("Table", label="relname")
