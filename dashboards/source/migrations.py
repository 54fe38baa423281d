"""Migrations: is one stuck and who is in its way, is every database at its revision, what was left behind."""

from .dashboard import dashboard, row
from .panels import GOOD, Column, bars, stat, table, timeseries
from .parts import DATABASE_COLUMN, SCHEMA_COLUMN, TABLE_COLUMN, TARGET_COLUMN, by_database
from .thresholds import ANY_IS_BAD, ANY_IS_WARNING, BAD, FAST_VALUES, LOCK_WAIT, QUEUE, TRANSACTION, WARN

STATES = {
    "up_to_date": ("up to date", GOOD),
    "behind": ("behind", WARN),
    "unknown": ("unknown revision", BAD),
    "diverged": ("diverged", BAD),
    "empty": ("empty", WARN),
    "missing": ("missing", WARN),
    "unclear": ("unclear", "purple"),
}
KINDS = {
    "lock_wait": ("waits for a lock", BAD),
    "abandoned": ("abandoned", BAD),
    "concurrent_index_wait": ("waits for old transactions", BAD),
    "version_table_conflict": ("waits for another upgrade", BAD),
    "prepared_transaction": ("waits for a prepared transaction", BAD),
    "autovacuum": ("waits for autovacuum", BAD),
    "replay": ("holds up replay", BAD),
    "no_progress": ("stands still", BAD),
}
SEVERITIES = {"error": ("error", BAD), "warning": ("warning", WARN), "info": ("info", "blue")}

NOW = row(
    "Is a migration stuck?",
    stat(
        "Stuck",
        """Migrations that wait, stand still or were abandoned. Where pgwarden's role sees too little to tell, a
        database counts as nothing here: look at Not judged.""",
        "sum(max by (target, datname, kind) (pgwarden_migrations_stuck{DATABASE}))",
        thresholds=ANY_IS_BAD,
    ),
    stat(
        "Queued behind",
        "Sessions whose chain of waits leads through a migration: users who wait for it, whoever is in its way.",
        "sum(max by (target, datname) (pgwarden_migration_queued_sessions{DATABASE}))",
        thresholds=QUEUE,
    ),
    stat(
        "Longest wait",
        "How long the migration that has waited longest for a lock has waited.",
        "max(pgwarden_migration_lock_wait_oldest_seconds{DATABASE})",
        unit="s",
        thresholds=LOCK_WAIT,
        decimals=0,
    ),
    stat(
        "In flight",
        "Migrations that run or wait at this moment.",
        "sum(max by (target, datname) (pgwarden_migrations_in_flight{DATABASE}))",
    ),
    stat(
        "Oldest in flight",
        "Age of the oldest migration in flight. A long one that blocks nobody is no fault.",
        "max(pgwarden_migration_oldest_seconds{DATABASE})",
        unit="s",
        decimals=0,
    ),
    stat(
        "Not judged",
        """Sessions whose state, and databases whose tables, pgwarden's role may not see: a stuck migration among them
        is missed.""",
        """sum(max by (target) (pgwarden_migration_hidden_sessions{TARGET}))
            + sum(max by (target) (pgwarden_migration_unseen_databases{TARGET}))""",
        thresholds=ANY_IS_WARNING,
    ),
    stat(
        "Age of values",
        "How long ago pgwarden last looked at locks and migrations, at the server that it last saw longest ago.",
        """max(time() - max by (target)
            (pgwarden_collector_last_success_timestamp_seconds{PLACE, collector="migrations"}))""",
        unit="s",
        thresholds=FAST_VALUES,
        decimals=0,
    ),
    stat(
        "Collectors failing",
        "Databases and servers where the last round of the collectors migrations, locks, alembic or debris failed.",
        """sum(1 - min by (target, datname, collector)
            (pgwarden_collector_success{PLACE, collector=~"migrations|locks|alembic|debris"}))""",
        thresholds=ANY_IS_BAD,
    ),
    table(
        "Stuck migrations, and who is in their way",
        """One row for each stuck migration. The culprit is the root of its chain of waits. What to do: ask whoever runs
        the culprit, or cancel it with `pgwarden unblock PID`, with its PID; `--terminate` ends one that is idle. The
        same with the PID of the migration gives that up, and lets the queue go.""",
        [
            TARGET_COLUMN,
            DATABASE_COLUMN,
            Column("PID", label="pid", width=70),
            Column("Why", label="kind", words=KINDS, width=190),
            SCHEMA_COLUMN,
            TABLE_COLUMN,
            Column("Waits", "max by (target, datname, pid) (pgwarden_stuck_migration_wait_seconds{DATABASE})",
                   unit="s", decimals=0),
            Column("Queued", "max by (target, datname, pid) (pgwarden_stuck_migration_queued_sessions{DATABASE})",
                   unit="short", thresholds=QUEUE, width=80),
            Column("Culprit", label="culprit_pid", width=80),
            Column("which is", label="culprit_kind", width=150),
            Column("User", label="culprit_usename"),
            Column("Application", label="culprit_application_name"),
            Column("Address", label="culprit_client_addr"),
            Column("Its transaction", """max by (target, datname, pid)
                       (pgwarden_stuck_migration_culprit_transaction_seconds{DATABASE})""",
                   unit="s", thresholds=TRANSACTION, decimals=0),
        ],
        rows=["""max by (target, datname, pid, kind, schemaname, relname, culprit_pid, culprit_kind, culprit_usename,
            culprit_application_name, culprit_client_addr) (pgwarden_stuck_migration_info{DATABASE})"""],
        sort=["Queued"],
        height=7,
        empty="none seen to be stuck",
    ),
    timeseries(
        "Stuck by kind",
        "Stuck migrations by what holds them up.",
        [("{{kind}}", "sum by (kind) (max by (target, datname, kind) (pgwarden_migrations_stuck{DATABASE}))")],
        stack=True,
        width=8,
    ),
    timeseries(
        "Queued behind migrations",
        "Sessions whose chain of waits leads through a migration, the longest queue of each database.",
        by_database("sum", "pgwarden_migration_queued_sessions{DATABASE}"),
        limits=QUEUE,
        width=8,
    ),
    bars(
        "Progress of index builds",
        """How much of its present phase each index build has done. The phases that only wait count nothing and are not
        here.""",
        "{{datname}} {{schemaname}}.{{relname}}: {{phase}}",
        """max by (datname, schemaname, relname, phase) (
            pgwarden_index_build_done_blocks{SCHEMA} / (pgwarden_index_build_expected_blocks{SCHEMA} > 0)
            or pgwarden_index_build_done_tuples{SCHEMA} / (pgwarden_index_build_expected_tuples{SCHEMA} > 0))""",
        unit="percentunit",
        most=1,
        width=8,
        empty="none seen to be building",
    ),
)

REVISIONS = row(
    "Is every database at the revision that the code expects?",
    stat(
        "Not up to date",
        "Version tables whose state is not up to date. They are listed below.",
        """sum(max by (target, datname, application, state)
            (pgwarden_alembic_tables{DATABASE, state!="up_to_date"}))""",
        thresholds=ANY_IS_WARNING,
    ),
    stat(
        "Unknown or diverged",
        "Version tables with a revision that the code does not have, or with rows that no upgrade can start from.",
        """sum(max by (target, datname, application, state)
            (pgwarden_alembic_tables{DATABASE, state=~"unknown|diverged"}))""",
        thresholds=ANY_IS_BAD,
    ),
    stat(
        "Pending revisions",
        "Revisions that the next upgrade would apply, over all version tables.",
        """sum(max by (target, datname, schemaname, relname, application)
            (pgwarden_alembic_pending_revisions{SCHEMA}))""",
        thresholds=ANY_IS_WARNING,
    ),
    stat(
        "Unsafe operations pending",
        "Operations of severity error in pending revisions: they would block, rewrite or lose data.",
        """sum(max by (target, datname, schemaname, relname, application)
            (pgwarden_alembic_pending_findings{SCHEMA, severity="error"}))""",
        thresholds=ANY_IS_BAD,
    ),
    stat(
        "Expected state unreadable",
        "Applications whose revision files could not be read at the last look: what they expect may be out of date.",
        "sum(1 - min by (application) (pgwarden_alembic_source_readable{EXPORTER}))",
        thresholds=ANY_IS_BAD,
    ),
    stat(
        "Defects of the code",
        "Duplicate identifiers, missing parents, cycles, files that cannot be parsed: defects of the revision files.",
        """sum(max by (application, kind) (pgwarden_alembic_source_findings{EXPORTER}))
            + sum(max by (application) (pgwarden_alembic_source_unparsable_files{EXPORTER}))""",
        thresholds=ANY_IS_WARNING,
    ),
    stat(
        "Nobody's tables",
        "Version tables that no application of the configuration claims: nobody can tell whether they are up to date.",
        "sum(max by (target, datname) (pgwarden_alembic_unmatched_tables{DATABASE}))",
        thresholds=ANY_IS_WARNING,
    ),
    stat(
        "Unreadable version tables",
        "Version tables that pgwarden's role may not read. `pgwarden check` prints the GRANT.",
        "sum(1 - min by (target, datname, schemaname, relname) (pgwarden_alembic_version_table_readable{SCHEMA}))",
        thresholds=ANY_IS_WARNING,
    ),
    table(
        "Version tables",
        """What each version table holds and how that compares with the code; those of no application have no state.
        Since when: as pgwarden has seen it, as PostgreSQL stores no time of a migration.""",
        [
            TARGET_COLUMN,
            DATABASE_COLUMN,
            SCHEMA_COLUMN,
            TABLE_COLUMN,
            Column("Application", label="application"),
            Column("State", label="state", words=STATES, width=140),
            Column("State since", """1000 * max by (target, datname, schemaname, relname)
                       (pgwarden_alembic_state_first_seen_timestamp_seconds{SCHEMA})""",
                   unit="dateTimeFromNow"),
            Column("Revision", label="revision", width=140),
            Column("Readable", """min by (target, datname, schemaname, relname)
                       (pgwarden_alembic_version_table_readable{SCHEMA})""",
                   words={0: ("no", WARN), 1: ("yes", "transparent")}, width=85),
            Column("Revision since", """1000 * max by (target, datname, schemaname, relname)
                       (pgwarden_alembic_revision_first_seen_timestamp_seconds{SCHEMA})""",
                   unit="dateTimeFromNow"),
            Column("Pending", """max by (target, datname, schemaname, relname)
                       (pgwarden_alembic_pending_revisions{SCHEMA})""",
                   unit="short", thresholds=ANY_IS_WARNING, width=80),
            Column("Unknown", """max by (target, datname, schemaname, relname)
                       (pgwarden_alembic_unknown_revisions{SCHEMA})""",
                   unit="short", thresholds=ANY_IS_BAD, width=90),
            Column("Superfluous", """max by (target, datname, schemaname, relname)
                       (pgwarden_alembic_superfluous_revisions{SCHEMA})""",
                   unit="short", thresholds=ANY_IS_BAD, width=100),
            Column("Unapplied heads", """max by (target, datname, schemaname, relname)
                       (pgwarden_alembic_unapplied_heads{SCHEMA})""",
                   unit="short", width=120),
        ],
        rows=[
            "max by (target, datname, schemaname, relname, revision) (pgwarden_alembic_revision_info{SCHEMA})",
            "max by (target, datname, schemaname, relname, application, state) (pgwarden_alembic_state_info{SCHEMA})",
        ],
        sort=["Pending"],
        empty="no version table seen",
    ),
    table(
        "Unsafe operations in pending revisions",
        "What the next upgrade would do that can hurt, the worst first. `pgwarden lint` says what is safe instead.",
        [
            Column("Severity", label="severity", words=SEVERITIES, width=90),
            Column("Rule", label="rule"),
            Column("Revision", label="revision"),
            Column("on schema", label="operated_schemaname"),
            Column("on table", label="operated_relname"),
            Column("Application", label="application"),
            TARGET_COLUMN,
            DATABASE_COLUMN,
            SCHEMA_COLUMN,
        ],
        # One query for each severity, as Grafana joins rows in the order of the queries.
        rows=[f"""max by (target, datname, schemaname, application, revision, rule, severity, operated_schemaname,
            operated_relname) (pgwarden_alembic_pending_finding_info{{SCHEMA, severity="{severity}"}})"""
              for severity in SEVERITIES],
        height=7,
    ),
    timeseries(
        "Version tables by state",
        "Version tables in each state: an upgrade of the fleet moves them from behind to up to date.",
        [("{{application}} {{state}}", """sum by (application, state)
            (max by (target, datname, application, state) (pgwarden_alembic_tables{DATABASE})) > 0""")],
        stack=True,
        width=7,
    ),
    timeseries(
        "Version tables by revision",
        "How many version tables hold each revision: one colour when everybody is at the same.",
        [("{{application}} {{revision}}", """sum by (application, revision)
            (max by (target, datname, application, revision) (pgwarden_alembic_revision_tables{DATABASE})) > 0""")],
        stack=True,
        width=7,
    ),
    table(
        "What the code expects",
        "The revision files of each application, as they were when last read.",
        [
            Column("Application", label="application"),
            Column("Readable", "min by (application) (pgwarden_alembic_source_readable{EXPORTER})",
                   words={0: ("no", BAD), 1: ("yes", GOOD)}, width=85),
            Column("Heads", "max by (application) (pgwarden_alembic_source_effective_heads{EXPORTER})",
                   unit="short", width=65),
            Column("Meant", "max by (application) (pgwarden_alembic_source_expected_heads{EXPORTER})",
                   unit="short", width=65),
            Column("Defects", """sum by (application)
                       (max by (application, kind) (pgwarden_alembic_source_findings{EXPORTER}))""",
                   unit="short", thresholds=ANY_IS_WARNING, width=75),
            Column("Changed", """1000 * max by (application)
                       (pgwarden_alembic_source_modified_timestamp_seconds{EXPORTER})""",
                   unit="dateTimeFromNow"),
            Column("Read", """1000 * min by (application)
                       (pgwarden_alembic_source_last_read_timestamp_seconds{EXPORTER})""",
                   unit="dateTimeFromNow"),
        ],
        width=10,
        empty="no application is configured",
    ),
)

DEBRIS = row(
    "What did migrations leave behind?",
    table(
        "Invalid indexes",
        """Each slows writes down and serves no query. Drop it with DROP INDEX CONCURRENTLY and build it again; a name
        that ends in _ccnew or _ccold is what a REINDEX CONCURRENTLY left.""",
        [
            TARGET_COLUMN,
            DATABASE_COLUMN,
            SCHEMA_COLUMN,
            TABLE_COLUMN,
            Column("Index", label="indexrelname"),
            Column("Since", """1000 * min by (target, datname, schemaname, relname, indexrelname)
                       (pgwarden_invalid_index_first_seen_timestamp_seconds{SCHEMA})""",
                   unit="dateTimeFromNow"),
        ],
        width=12,
        height=7,
    ),
    table(
        "Constraints not validated",
        """They hold for new rows only, and the planner does not rely on them. ALTER TABLE ... VALIDATE CONSTRAINT ends
        that.""",
        [
            TARGET_COLUMN,
            DATABASE_COLUMN,
            SCHEMA_COLUMN,
            TABLE_COLUMN,
            Column("Constraint", label="conname"),
            Column("Since", """1000 * min by (target, datname, schemaname, relname, conname)
                       (pgwarden_unvalidated_constraint_first_seen_timestamp_seconds{SCHEMA})""",
                   unit="dateTimeFromNow"),
        ],
        width=12,
        height=7,
    ),
)

DASHBOARD = dashboard(
    "pgwarden-migrations",
    "pgwarden / Migrations",
    "Is a migration stuck and who is in its way; is every database at its revision; what did migrations leave behind?",
    "SCHEMA",
    "now-1h",
    NOW,
    REVISIONS,
    DEBRIS,
)
