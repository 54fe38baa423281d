//! The metrics of version tables.

use crate::metric::{Definition, metrics};

metrics! {
    /// Version tables in the database: tables whose only column is version_num, and those that the configuration names (pg_class, pg_attribute).
    pub(super) static VERSION_TABLES: Gauge = "pgwarden_alembic_version_tables" [];
    /// Different revisions in the version table, 0 where it is there but empty; the last known number while it cannot be read.
    pub(super) static ROWS: Gauge = "pgwarden_alembic_version_table_rows" [schemaname, relname];
    /// 1 where our role may read the version table, 0 where SELECT, USAGE on its schema, or a row security policy denies it.
    pub(super) static READABLE: Gauge = "pgwarden_alembic_version_table_readable" [schemaname, relname];
    /// 1 while a session holds or awaits ACCESS EXCLUSIVE on the version table; its revisions are the last known ones then (pg_locks).
    pub(super) static LOCKED: Gauge = "pgwarden_alembic_version_table_locked" [schemaname, relname];
    /// A revision that the version table holds, a constant 1 (version_num).
    pub(super) static REVISION: Info = "pgwarden_alembic_revision_info" [schemaname, relname, revision];
    /// Unix time since which the version table has been seen with its present rows; PostgreSQL stores no time of a migration.
    pub(super) static FIRST_SEEN: Gauge = "pgwarden_alembic_revision_first_seen_timestamp_seconds" [schemaname, relname];
    /// Version tables of the application by state, complete whatever the bound: up_to_date, behind (revisions wait), unknown (a row that the code does not have), diverged (a superfluous row), empty, missing (the configuration expects a table here), unclear (the rows or the revisions cannot be read, or the revisions contradict each other). Absent where the application has no table.
    pub(super) static TABLES: Gauge = "pgwarden_alembic_tables" [application, state];
    /// Version tables of the application that hold the revision; the rarest revisions are summed under "other".
    pub(super) static REVISION_TABLES: Gauge = "pgwarden_alembic_revision_tables" [application, revision];
    /// Version tables that no application claims; absent where the configuration has no application for the database.
    pub(super) static UNMATCHED: Gauge = "pgwarden_alembic_unmatched_tables" [];
    /// The state of the version table against the revisions of its application, a constant 1; a missing table has the configured names.
    pub(super) static STATE: Info = "pgwarden_alembic_state_info" [schemaname, relname, application, state];
    /// Revisions that `alembic upgrade heads` would run; absent where nobody can tell.
    pub(super) static PENDING: Gauge = "pgwarden_alembic_pending_revisions" [schemaname, relname, application];
    /// Rows of the version table that no revision of the code has: the database is ahead of the code, or history was rewritten.
    pub(super) static UNKNOWN: Gauge = "pgwarden_alembic_unknown_revisions" [schemaname, relname, application];
    /// Rows of the version table that another row implies: every upgrade fails while they are there.
    pub(super) static SUPERFLUOUS: Gauge = "pgwarden_alembic_superfluous_revisions" [schemaname, relname, application];
    /// Effective heads that are not applied; between none and all of them, a branch is partially applied. Absent where nobody can tell.
    pub(super) static UNAPPLIED_HEADS: Gauge = "pgwarden_alembic_unapplied_heads" [schemaname, relname, application];
    /// Unix time since which the version table has been seen in its present state.
    pub(super) static STATE_SINCE: Gauge = "pgwarden_alembic_state_first_seen_timestamp_seconds" [schemaname, relname, application];
    /// Unsafe operations in the revisions that wait, by severity, weighed by size and write rate of the live tables; absent where it is not known what one of them does: its file cannot be read, or its manifest is of another version.
    pub(super) static FINDINGS: Gauge = "pgwarden_alembic_pending_findings" [schemaname, relname, application, severity];
    /// An unsafe operation in a revision that waits, and the table that it operates on, a constant 1; the worst come first (docs/LINT.md describes the rules).
    pub(super) static FINDING: Info = "pgwarden_alembic_pending_finding_info" [schemaname, relname, application, revision, rule, severity, operated_schemaname, operated_relname];
}

/// All of them.
pub(super) static ALL: &[&Definition] = &[
    &VERSION_TABLES,
    &ROWS,
    &READABLE,
    &LOCKED,
    &REVISION,
    &FIRST_SEEN,
    &TABLES,
    &REVISION_TABLES,
    &UNMATCHED,
    &STATE,
    &PENDING,
    &UNKNOWN,
    &SUPERFLUOUS,
    &UNAPPLIED_HEADS,
    &STATE_SINCE,
    &FINDINGS,
    &FINDING,
];
