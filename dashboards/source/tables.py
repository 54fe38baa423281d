"""Tables and columns: which are large or grow, which suffer, and what the planner knows of them."""

from .dashboard import dashboard, row
from .panels import Column, stat, table, timeseries
from .parts import DATABASE_COLUMN, SCHEMA_COLUMN, TABLE_COLUMN, TARGET_COLUMN
from .thresholds import ANY_IS_WARNING, SHARES, SLOW_VALUES

BY_TABLE = "max by (target, datname, schemaname, relname)"
BY_COLUMN = "max by (target, datname, schemaname, relname, attname)"
# What a table of tables shows: the rest can be reached with the variables.
LARGEST = f"topk(50, {BY_TABLE} (pgwarden_table_size_bytes{{TABLE}}))"
TABLE_NAME = "{{datname}} {{schemaname}}.{{relname}}"
PLACE = [TARGET_COLUMN, DATABASE_COLUMN, SCHEMA_COLUMN, TABLE_COLUMN]
# A share of a handful of rows says nothing.
MANY = 10_000


def of_largest(expression):
    """For the largest tables alone."""
    return f"{expression} and on (target, datname, schemaname, relname) {LARGEST}"


def latest(manual, automatic):
    """Unix milliseconds of the later of two timestamps, of which either may be absent."""
    return f"1000 * {BY_TABLE} ({manual}{{TABLE}} > {automatic}{{TABLE}} or {automatic}{{TABLE}} or {manual}{{TABLE}})"


SUMMARY = row(
    "Summary",
    stat(
        "Size of tables",
        "Bytes of the chosen tables, with their indexes and toast tables.",
        f"sum({BY_TABLE} (pgwarden_table_size_bytes{{TABLE}}))",
        unit="bytes",
    ),
    stat(
        "Growth",
        "By how much they have grown in the time range of this dashboard.",
        f"sum({BY_TABLE} (delta(pgwarden_table_size_bytes{{TABLE}}[$__range])))",
        unit="bytes",
    ),
    stat(
        "Tables",
        "Tables and materialized views of the databases, those without series of their own included.",
        "sum(max by (target, datname) (pgwarden_tables{DATABASE}))",
    ),
    stat(
        "Dead rows",
        """Share of dead rows in the chosen tables. Many mean that vacuum does not keep up, or that a transaction stops
        it.""",
        f"""sum({BY_TABLE} (pgwarden_table_dead_rows{{TABLE}}))
            / (sum({BY_TABLE} (pgwarden_table_dead_rows{{TABLE}}))
                + sum({BY_TABLE} (pgwarden_table_live_rows{{TABLE}})))""",
        unit="percentunit",
        thresholds=SHARES,
        decimals=1,
    ),
    stat(
        "Sizes estimated",
        "Tables whose sizes are estimates in this round, because of a lock or the bound.",
        "sum(max by (target, datname) (pgwarden_tables_size_estimated{DATABASE}))",
        thresholds=ANY_IS_WARNING,
    ),
    stat(
        "Unreadable columns",
        "Columns whose statistics pgwarden's role may not see. `pgwarden check` prints the GRANT.",
        """sum(max by (target, datname) (pgwarden_columns{DATABASE}))
            - sum(max by (target, datname) (pgwarden_columns_readable{DATABASE}))""",
        thresholds=ANY_IS_WARNING,
    ),
    stat(
        "Left out",
        "Tables and columns without series of their own because of a bound of the configuration: the smallest ones.",
        """sum(max by (target, datname, collector)
            (pgwarden_collector_left_out{PLACE, collector=~"table_sizes|table_activity|column_statistics"}))""",
    ),
    stat(
        "Oldest values",
        """Age of the values that were collected longest ago; column statistics are collected every 5 minutes, by
        default.""",
        """max(time() - max by (target, datname, collector) (pgwarden_collector_last_success_timestamp_seconds
            {PLACE, collector=~"table_sizes|table_activity|column_statistics"}))""",
        unit="s",
        thresholds=SLOW_VALUES,
        decimals=0,
    ),
)

SIZE = row(
    "Size and growth",
    table(
        "Largest tables",
        """The largest 50 of the chosen tables. Growth is that in the time range of this dashboard. The tables beyond
        the bound of a database are one row, other, without a schema.""",
        [
            *PLACE,
            Column("Size", LARGEST, unit="bytes"),
            Column("Growth", of_largest(f"{BY_TABLE} (delta(pgwarden_table_size_bytes{{TABLE}}[$__range]))"),
                   unit="bytes"),
            Column("Heap", of_largest(f"{BY_TABLE} (pgwarden_table_heap_size_bytes{{TABLE}})"), unit="bytes"),
            Column("Indexes", of_largest(f"{BY_TABLE} (pgwarden_table_indexes_size_bytes{{TABLE}})"), unit="bytes"),
            Column("Toast", of_largest(f"{BY_TABLE} (pgwarden_table_toast_size_bytes{{TABLE}})"), unit="bytes"),
            Column("Rows", of_largest(f"{BY_TABLE} (pgwarden_table_estimated_rows{{TABLE}})"), unit="short"),
        ],
        sort=["Size"],
        height=9,
    ),
    timeseries(
        "Size of the largest tables",
        "Bytes of the largest tables, with their indexes and toast tables.",
        [(TABLE_NAME, f"topk(10, {BY_TABLE} (pgwarden_table_size_bytes{{TABLE}}))")],
        unit="bytes",
    ),
    timeseries(
        "Tables with the most changes",
        "Rows that are inserted, updated and deleted each second.",
        [(TABLE_NAME, f"""topk(10, {BY_TABLE} (rate(pgwarden_table_rows_inserted_total{{TABLE}}[$__rate_interval])
            + rate(pgwarden_table_rows_updated_total{{TABLE}}[$__rate_interval])
            + rate(pgwarden_table_rows_deleted_total{{TABLE}}[$__rate_interval])))""")],
        unit="wps",
    ),
)

HEALTH = row(
    "Vacuum, statistics and scans",
    table(
        "Vacuum and statistics",
        """The largest 50 of the chosen tables: their dead rows, the rows changed since the planner's statistics were
        taken, as shares in tables of ten thousand rows or more, and when both were last cared for, if ever.""",
        [
            *PLACE,
            Column("Dead rows", of_largest(f"{BY_TABLE} (pgwarden_table_dead_rows{{TABLE}})"), unit="short"),
            Column("Share", of_largest(f"""{BY_TABLE} (pgwarden_table_dead_rows{{TABLE}}
                       / (pgwarden_table_dead_rows{{TABLE}} + pgwarden_table_live_rows{{TABLE}} >= {MANY}))"""),
                   unit="percentunit", thresholds=SHARES, decimals=1, width=80),
            Column("Last vacuum", of_largest(latest("pgwarden_table_last_vacuum_timestamp_seconds",
                                                    "pgwarden_table_last_autovacuum_timestamp_seconds")),
                   unit="dateTimeFromNow"),
            Column("Changed since analyze", of_largest(f"""{BY_TABLE} (
                       pgwarden_table_rows_modified_since_analyze{{TABLE}}
                       / (pgwarden_table_live_rows{{TABLE}} >= {MANY}))"""),
                   unit="percentunit", thresholds=SHARES, decimals=1),
            Column("Last analyze", of_largest(latest("pgwarden_table_last_analyze_timestamp_seconds",
                                                     "pgwarden_table_last_autoanalyze_timestamp_seconds")),
                   unit="dateTimeFromNow"),
        ],
        sort=["Share"],
        height=9,
    ),
    timeseries(
        "Tables with the most dead rows",
        """Dead rows take room and time until vacuum removes them. A line that only climbs is a vacuum that cannot do
        its work.""",
        [(TABLE_NAME, f"topk(10, {BY_TABLE} (pgwarden_table_dead_rows{{TABLE}}))")],
    ),
    timeseries(
        "Tables read through the most",
        "Rows that sequential scans read each second. A large table here lacks an index, as a rule.",
        [(TABLE_NAME, f"topk(10, {BY_TABLE} (rate(pgwarden_table_seq_rows_read_total{{TABLE}}[$__rate_interval])))")],
        unit="rps",
    ),
)

CARDINALITY = row(
    "Columns",
    table(
        "Columns",
        """What the planner knows of the columns with the most distinct values; choose a table above for all of its
        columns. Distinct is their share of the rows: near 100 % an index on the column finds single rows, near 0 % it
        finds too many. Order is 1 or -1 where the rows stand on disk in the order of the values.""",
        [
            *PLACE,
            Column("Column", label="attname"),
            Column("Values", f"topk(100, {BY_COLUMN} (pgwarden_column_distinct_values{{TABLE}}))", unit="short"),
            Column("Distinct", f"""{BY_COLUMN} (pgwarden_column_distinct_values{{TABLE}})
                       / on (target, datname, schemaname, relname) group_left ()
                       ({BY_TABLE} (pgwarden_table_estimated_rows{{TABLE}}) > 0)
                       and topk(100, {BY_COLUMN} (pgwarden_column_distinct_values{{TABLE}}))""",
                   unit="percentunit", decimals=2),
            Column("Most common", f"""{BY_COLUMN} (pgwarden_column_most_common_ratio{{TABLE}})
                       and topk(100, {BY_COLUMN} (pgwarden_column_distinct_values{{TABLE}}))""",
                   unit="percentunit", decimals=1),
            Column("NULL", f"""{BY_COLUMN} (pgwarden_column_null_ratio{{TABLE}})
                       and topk(100, {BY_COLUMN} (pgwarden_column_distinct_values{{TABLE}}))""",
                   unit="percentunit", decimals=1),
            Column("Width", f"""{BY_COLUMN} (pgwarden_column_average_width_bytes{{TABLE}})
                       and topk(100, {BY_COLUMN} (pgwarden_column_distinct_values{{TABLE}}))""",
                   unit="bytes"),
            Column("Order", f"""{BY_COLUMN} (pgwarden_column_correlation{{TABLE}})
                       and topk(100, {BY_COLUMN} (pgwarden_column_distinct_values{{TABLE}}))""",
                   unit="none", decimals=2),
        ],
        sort=["Values"],
        height=10,
    ),
    timeseries(
        "Distinct values",
        "Distinct values of the columns with the most, as of the last ANALYZE: a jump changes plans.",
        [("{{datname}} {{relname}}.{{attname}}", f"topk(10, {BY_COLUMN} (pgwarden_column_distinct_values{{TABLE}}))")],
        width=24,
    ),
)

DASHBOARD = dashboard(
    "pgwarden-tables",
    "pgwarden / Tables and columns",
    "Which tables are large or grow, which suffer, and what does the planner know of their columns?",
    "TABLE",
    "now-24h",
    SUMMARY,
    SIZE,
    HEALTH,
    CARDINALITY,
)
