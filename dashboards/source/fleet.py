"""Fleet overview: is anything wrong anywhere, and where."""

from .dashboard import dashboard, row
from .panels import GOOD, Column, stat, table, timeseries
from .parts import (
    DATABASE_COLUMN,
    EXPORTER_COLUMN,
    TARGET_COLUMN,
    longest_lock_wait,
    oldest_transaction,
    sessions_hidden,
)
from .thresholds import (
    ANY_IS_BAD,
    ANY_IS_WARNING,
    BAD,
    CONNECTIONS,
    SLOW_VALUES,
    TRANSACTION,
    WARN,
    WRAPAROUND,
)

# Transaction ids that there are; a server stops taking writes before it runs out of them.
IDS = 2**31

SUMMARY = row(
    "Is anything wrong?",
    stat(
        "Targets down",
        """Servers that pgwarden could not open or use a session with. Look at the table below for which, then at the
        exporter's page for the error.""",
        "sum(1 - max by (target) (pgwarden_up{TARGET}))",
        thresholds=ANY_IS_BAD,
    ),
    stat(
        "Databases down",
        "Databases that pgwarden could not open or use a session with, those of servers that are down among them.",
        "sum(1 - max by (target, datname) (pgwarden_database_up{DATABASE}))",
        thresholds=ANY_IS_BAD,
    ),
    stat(
        "Migrations stuck",
        "Migrations that wait, stand still or were abandoned. The dashboard on migrations names who is in their way.",
        "sum(max by (target, datname, kind) (pgwarden_migrations_stuck{DATABASE}))",
        thresholds=ANY_IS_BAD,
    ),
    longest_lock_wait(),
    stat(
        "Not up to date",
        """Version tables whose revision is not what the code expects: behind, unknown, diverged, empty, missing or
        unclear. Needs [[alembic.applications]] in the configuration; "no data" without.""",
        """sum(max by (target, datname, application, state) (pgwarden_alembic_tables{DATABASE,
        state!="up_to_date"}))""",
        thresholds=ANY_IS_WARNING,
    ),
    stat(
        "Unsafe operations waiting",
        """Operations in pending revisions that would block, rewrite or lose data, of severity error. Read them before
        anybody upgrades.""",
        """sum(max by (target, datname, schemaname, relname, application)
            (pgwarden_alembic_pending_findings{DATABASE, severity="error"}))""",
        thresholds=ANY_IS_WARNING,
    ),
    stat(
        "Invalid indexes",
        "Indexes that a failed concurrent build left behind: they slow writes down and serve no query.",
        "sum(max by (target, datname) (pgwarden_invalid_indexes{DATABASE}))",
        thresholds=ANY_IS_WARNING,
    ),
    oldest_transaction(),
)

BLIND_SPOTS = row(
    "Can pgwarden see everything?",
    stat(
        "Exporters down",
        "Exporters that Prometheus cannot scrape. What they watch is not watched.",
        "sum(1 - up{EXPORTER})",
        thresholds=ANY_IS_BAD,
    ),
    stat(
        "Collectors failing",
        "Collectors whose last round failed. They are listed below; their values disappear when they are too old.",
        "sum(1 - min by (target, datname, collector) (pgwarden_collector_success{PLACE}))",
        thresholds=ANY_IS_BAD,
    ),
    stat(
        "Oldest values",
        """Age of the values that were collected longest ago. Column statistics are collected every 5 minutes, by
        default.""",
        """max(time() - max by (target, datname, collector)
            (pgwarden_collector_last_success_timestamp_seconds{PLACE}))""",
        unit="s",
        thresholds=SLOW_VALUES,
        decimals=0,
    ),
    stat(
        "Privileges missing",
        """Privileges that pgwarden's role lacks, by database. What they would show is absent; `pgwarden check` prints
        the GRANT.""",
        "sum(1 - min by (target, datname, privilege) (pgwarden_privilege_granted{DATABASE}))",
        thresholds=ANY_IS_WARNING,
    ),
    stat(
        "Unreadable tables",
        "Tables that pgwarden's role may not read: their column statistics, and revisions among them, are invisible.",
        "sum(max by (target, datname) (pgwarden_unreadable_tables{DATABASE}))",
        thresholds=ANY_IS_WARNING,
    ),
    sessions_hidden(),
    stat(
        "Left out",
        """Tables, columns, groups and the like without series of their own because of a bound of the configuration. Not
        a fault: the largest are there.""",
        "sum(max by (target, datname, collector) (pgwarden_collector_left_out{PLACE}))",
    ),
    stat(
        "Configuration refused",
        "Exporters whose last attempt to load a new configuration failed: the old one is still in use.",
        "sum(1 - pgwarden_config_last_reload_successful{EXPORTER})",
        thresholds=ANY_IS_WARNING,
    ),
)

SERVERS = row(
    "Servers",
    table(
        "Servers",
        """Every watched server. A column with – is not known: look at the failing collectors. The name leads to
        migrations.""",
        [
            TARGET_COLUMN,
            Column("Reachable", "max by (target) (pgwarden_up{TARGET})", words={0: ("down", BAD), 1: ("up", GOOD)}),
            Column("Version", label="version"),
            Column("Role", "max by (target) (pgwarden_server_in_recovery{TARGET})",
                   words={0: ("primary", "transparent"), 1: ("standby", "blue")}),
            Column("Stuck", "sum by (target) (max by (target, datname, kind) (pgwarden_migrations_stuck{DATABASE}))",
                   unit="short", thresholds=ANY_IS_BAD),
            Column("Not up to date", """sum by (target) (max by (target, datname, application, state)
                       (pgwarden_alembic_tables{DATABASE, state!="up_to_date"}))""",
                   unit="short", thresholds=ANY_IS_WARNING),
            Column("Blocked", "sum by (target) (max by (target, datname) (pgwarden_blocked_sessions{DATABASE}))",
                   unit="short", thresholds=ANY_IS_WARNING),
            Column("Oldest transaction", "max by (target) (pgwarden_transaction_oldest_seconds{DATABASE})",
                   unit="s", thresholds=TRANSACTION, decimals=0),
            Column("Connections", """max by (target) (pgwarden_server_connections{TARGET}
                       / (pgwarden_server_max_connections{TARGET} - pgwarden_server_reserved_connections{TARGET}))""",
                   unit="percentunit", thresholds=CONNECTIONS, decimals=0),
            Column("Wraparound", f"""max by (target) (pgwarden_database_unfrozen_transactions{{DATABASE}})
                       / {IDS}""",
                   unit="percentunit", thresholds=WRAPAROUND, decimals=1),
            Column("Size", "sum by (target) (max by (target, datname) (pgwarden_database_size_bytes{DATABASE}))",
                   unit="bytes"),
        ],
        rows=["max by (target, version) (pgwarden_server_info{TARGET})"],
        sort=["+Reachable", "Stuck", "Blocked"],
    ),
    table(
        "Failing collectors",
        "Collectors whose last round failed, with the kind of the error. The exporter's page shows its text.",
        [
            TARGET_COLUMN,
            DATABASE_COLUMN,
            Column("Collector", label="collector"),
            Column("Error", label="kind"),
            Column("Last success", """1000 * max by (target, datname, collector)
                       (pgwarden_collector_last_success_timestamp_seconds{PLACE})
                       and on (target, datname, collector) pgwarden_collector_failing{PLACE} == 1""",
                   unit="dateTimeFromNow"),
        ],
        rows=["max by (target, datname, collector, kind) (pgwarden_collector_failing{PLACE} == 1)"],
        width=12,
        height=7,
    ),
    table(
        "Missing privileges",
        "What pgwarden's role lacks. `pgwarden check` prints the exact GRANT.",
        [
            TARGET_COLUMN,
            DATABASE_COLUMN,
            Column("Privilege", label="privilege"),
        ],
        rows=["min by (target, datname, privilege) (pgwarden_privilege_granted{DATABASE}) == 0"],
        width=12,
        height=7,
    ),
)

LOAD = row(
    "Load",
    timeseries(
        "Connections in use",
        "Share of the connections that ordinary roles can have. At 100 % nobody else gets in.",
        [("{{target}}", """max by (target) (pgwarden_server_connections{TARGET}
            / (pgwarden_server_max_connections{TARGET} - pgwarden_server_reserved_connections{TARGET}))""")],
        unit="percentunit",
        limits=CONNECTIONS,
        most=1,
    ),
    timeseries(
        "Transactions",
        "Transactions that were committed, and that were rolled back: whether the servers still do their work.",
        [
            ("{{target}} commits", """sum by (target) (max by (target, datname)
                (rate(pgwarden_database_commits_total{DATABASE}[$__rate_interval])))"""),
            ("{{target}} rollbacks", """sum by (target) (max by (target, datname)
                (rate(pgwarden_database_rollbacks_total{DATABASE}[$__rate_interval])))"""),
        ],
        unit="ops",
    ),
    timeseries(
        "Size",
        "Bytes of the databases of each server.",
        [("{{target}}", "sum by (target) (max by (target, datname) (pgwarden_database_size_bytes{DATABASE}))")],
        unit="bytes",
        stack=True,
    ),
    timeseries(
        "Way to wraparound",
        """Transactions since the oldest that is not frozen, as a share of the two thousand million at which the server
        stops taking writes. Autovacuum normally keeps it below 10 %.""",
        [("{{target}}", f"max by (target) (pgwarden_database_unfrozen_transactions{{DATABASE}}) / {IDS}")],
        unit="percentunit",
        limits=WRAPAROUND,
        most=1,
    ),
)

EXPORTERS = row(
    "Exporters",
    table(
        "Exporters",
        "Every pgwarden. The address leads to its page, which says what it watches and with which success.",
        [
            EXPORTER_COLUMN,
            Column("Version", label="version"),
            Column("Scraped", "max by (instance) (up{EXPORTER})", words={0: ("down", BAD), 1: ("up", GOOD)}),
            Column("Configuration", "min by (instance) (pgwarden_config_last_reload_successful{EXPORTER})",
                   words={0: ("refused", WARN), 1: ("loaded", GOOD)}),
            Column("Remembers", "min by (instance) (pgwarden_state_persistent{EXPORTER})",
                   words={0: ("until restart", WARN), 1: ("on disk", GOOD)}),
            Column("Started", "1000 * max by (instance) (process_start_time_seconds{EXPORTER})",
                   unit="dateTimeFromNow"),
            Column("Memory", "max by (instance) (process_resident_memory_bytes{EXPORTER})", unit="bytes"),
            Column("Connections", """max by (instance) (pgwarden_exporter_connections{EXPORTER}
                       / pgwarden_exporter_connection_limit{EXPORTER})""",
                   unit="percentunit", thresholds=[(1, WARN)], decimals=0),
        ],
        rows=["max by (instance, version) (pgwarden_build_info{EXPORTER})"],
        height=5,
    ),
    timeseries(
        "Duration of collectors",
        "Seconds that the last round of each collector took, at the slowest of the servers and databases.",
        [("{{collector}}", "max by (collector) (pgwarden_collector_duration_seconds{PLACE})")],
        unit="s",
    ),
    timeseries(
        "Processor time",
        "Processor time that each exporter uses; 1 is one core.",
        [("{{instance}}", "sum by (instance) (rate(process_cpu_seconds_total{EXPORTER}[$__rate_interval]))")],
        unit="none",
        width=6,
    ),
    timeseries(
        "Connections of pgwarden",
        "Connections that pgwarden itself has open to each server, never more than its configuration allows.",
        [("{{target}}", "max by (target) (pgwarden_target_connections{TARGET})")],
        width=6,
    ),
)

DASHBOARD = dashboard(
    "pgwarden-fleet",
    "pgwarden / Fleet",
    "Is anything wrong anywhere, where, and can pgwarden see everything?",
    "DATABASE",
    "now-3h",
    SUMMARY,
    BLIND_SPOTS,
    SERVERS,
    LOAD,
    EXPORTERS,
)
