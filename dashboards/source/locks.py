"""Locks and long transactions: who waits, since when, and who keeps what open."""

from .dashboard import dashboard, row
from .panels import Column, stat, table, timeseries
from .parts import DATABASE_COLUMN, TARGET_COLUMN, by_database, longest_lock_wait, oldest_transaction, sessions_hidden
from .thresholds import FAST_VALUES, IDLE, LOCK_WAIT, PREPARED, QUEUE, TRANSACTION

# Modes that stop writers, or everybody.
STRONG = "ShareLock|ShareRowExclusiveLock|ExclusiveLock|AccessExclusiveLock"
BY_GROUP = "max by (target, datname, usename, application_name)"

NOW = row(
    "Does anybody wait?",
    stat(
        "Blocked sessions",
        "Backends that wait for a lock at this moment, on a relation, a row, a transaction or anything else.",
        "sum(max by (target, datname) (pgwarden_blocked_sessions{DATABASE}))",
        thresholds=QUEUE,
    ),
    longest_lock_wait(),
    oldest_transaction(),
    stat(
        "Oldest statement",
        "Age of the oldest statement that runs.",
        "max(pgwarden_query_oldest_seconds{DATABASE})",
        unit="s",
        thresholds=TRANSACTION,
        decimals=0,
    ),
    stat(
        "Longest idle in transaction",
        """How long a session has done nothing in its transaction: an application that forgot it, or a person gone for
        coffee.""",
        "max(pgwarden_idle_in_transaction_oldest_seconds{DATABASE})",
        unit="s",
        thresholds=IDLE,
        decimals=0,
    ),
    stat(
        "Oldest prepared transaction",
        "Age of the oldest prepared transaction. It keeps its locks through restarts until somebody ends it.",
        "max(pgwarden_prepared_transaction_oldest_seconds{DATABASE})",
        unit="s",
        thresholds=PREPARED,
        decimals=0,
    ),
    sessions_hidden(),
    stat(
        "Age of values",
        "How long ago pgwarden last looked at locks and sessions, at the server that it last saw longest ago.",
        """max(time() - max by (target, collector)
            (pgwarden_collector_last_success_timestamp_seconds{PLACE, collector=~"locks|activity"}))""",
        unit="s",
        thresholds=FAST_VALUES,
        decimals=0,
    ),
)

WAITS = row(
    "Locks",
    timeseries(
        "Sessions that wait for a lock",
        "Backends that wait for a lock, by database: a queue that grows is a lock that nobody gives back.",
        by_database("sum", "pgwarden_blocked_sessions{DATABASE}"),
        limits=QUEUE,
        width=8,
    ),
    timeseries(
        "Longest wait for a lock",
        "How long the longest wait has lasted, by database.",
        by_database("max", "pgwarden_lock_wait_oldest_seconds{DATABASE}"),
        unit="s",
        limits=LOCK_WAIT,
        width=8,
    ),
    timeseries(
        "Strong locks",
        """Locks on relations in modes that stop writers or everybody. Awaited is the dangerous one: all who come later
        queue behind it.""",
        [
            ("held", f"""sum(max by (target, datname, mode)
                (pgwarden_locks{{DATABASE, granted="true", mode=~"{STRONG}"}}))"""),
            ("awaited", f"""sum(max by (target, datname, mode)
                (pgwarden_locks{{DATABASE, granted="false", mode=~"{STRONG}"}}))"""),
        ],
        width=8,
    ),
    timeseries(
        "Duration of lock waits that ended",
        """95 of 100 waits that ended lasted no longer. Without a wait there is nothing to show; waits shorter than a
        round of pgwarden are missed.""",
        [("{{target}}", """histogram_quantile(0.95, sum by (target, le)
            (rate(pgwarden_lock_wait_seconds_bucket{TARGET}[$__rate_interval])))""")],
        unit="s",
        width=8,
    ),
    timeseries(
        "What sessions wait for",
        "Sessions that run a statement and wait, by the type of what they wait for.",
        [("{{wait_event_type}}", """sum by (wait_event_type) (max by (target, datname, wait_event_type, wait_event)
            (pgwarden_sessions_waiting{DATABASE}))""")],
        stack=True,
        width=8,
    ),
    timeseries(
        "Deadlocks",
        "Deadlocks that the server broke by ending one of the transactions.",
        by_database("sum", "rate(pgwarden_database_deadlocks_total{DATABASE}[$__rate_interval])"),
        unit="ops",
        width=8,
    ),
)

SESSIONS = row(
    "Long transactions",
    table(
        "Oldest transactions by application",
        "Groups of sessions with the oldest open transactions. The smallest groups share the application other.",
        [
            TARGET_COLUMN,
            DATABASE_COLUMN,
            Column("User", label="usename"),
            Column("Application", label="application_name"),
            Column("Oldest transaction", f"topk(20, {BY_GROUP} (pgwarden_transaction_oldest_seconds{{DATABASE}}))",
                   unit="s", thresholds=TRANSACTION, decimals=0),
            Column("Oldest statement", f"""{BY_GROUP} (pgwarden_query_oldest_seconds{{DATABASE}})
                       and topk(20, {BY_GROUP} (pgwarden_transaction_oldest_seconds{{DATABASE}}))""",
                   unit="s", thresholds=TRANSACTION, decimals=0),
            Column("Longest idle in transaction", f"""{BY_GROUP}
                       (pgwarden_idle_in_transaction_oldest_seconds{{DATABASE}})
                       and topk(20, {BY_GROUP} (pgwarden_transaction_oldest_seconds{{DATABASE}}))""",
                   unit="s", thresholds=IDLE, decimals=0),
        ],
        sort=["Oldest transaction"],
        width=16,
    ),
    timeseries(
        "Long transactions",
        "Sessions whose transaction is older than each threshold of the configuration.",
        [("older than {{threshold}} s", """sum by (threshold) (max by (target, datname, threshold)
            (pgwarden_transactions_over_threshold{DATABASE}))""")],
        width=8,
    ),
    timeseries(
        "Oldest transaction of each database",
        "Age of the oldest open transaction, by database.",
        by_database("max", "pgwarden_transaction_oldest_seconds{DATABASE}"),
        unit="s",
        limits=TRANSACTION,
        width=8,
    ),
    timeseries(
        "Longest idle of each database",
        "How long a session has done nothing in its transaction, by database.",
        by_database("max", "pgwarden_idle_in_transaction_oldest_seconds{DATABASE}"),
        unit="s",
        limits=IDLE,
        width=8,
    ),
    timeseries(
        "Sessions by state",
        "Client sessions by what they do.",
        [("{{state}}", """sum by (state) (max by (target, datname, state, usename, application_name)
            (pgwarden_sessions{DATABASE}))""")],
        stack=True,
        width=8,
    ),
)

DASHBOARD = dashboard(
    "pgwarden-locks",
    "pgwarden / Locks and long transactions",
    "Who waits, since when, and who keeps what open?",
    "DATABASE",
    "now-1h",
    NOW,
    WAITS,
    SESSIONS,
)
