//! The revisions that Alembic's version tables hold.

use std::time::Duration;

use async_trait::async_trait;

use super::version_tables::{self, Reading, VERSION_TABLES, VersionTable};
use super::{Collector, Context, Profile, Scope};
use crate::metric::{Samples, labels, metrics};
use crate::postgres::{Error, Session};

metrics! {
    /// Version tables in the database: tables whose only column is version_num, and those that the configuration names (pg_class, pg_attribute).
    static TABLES: Gauge = "pgwarden_alembic_version_tables" [];
    /// Different revisions in the version table, 0 where it is there but empty; the last known number while it cannot be read.
    static ROWS: Gauge = "pgwarden_alembic_version_table_rows" [schemaname, relname];
    /// 1 where our role may read the version table, 0 where SELECT, USAGE on its schema, or a row security policy denies it.
    static READABLE: Gauge = "pgwarden_alembic_version_table_readable" [schemaname, relname];
    /// 1 while a session holds or awaits ACCESS EXCLUSIVE on the version table; its revisions are the last known ones then (pg_locks).
    static LOCKED: Gauge = "pgwarden_alembic_version_table_locked" [schemaname, relname];
    /// A revision that the version table holds, a constant 1 (version_num).
    static REVISION: Info = "pgwarden_alembic_revision_info" [schemaname, relname, revision];
    /// Unix time since which the version table has been seen with its present rows; PostgreSQL stores no time of a migration.
    static FIRST_SEEN: Gauge = "pgwarden_alembic_revision_first_seen_timestamp_seconds" [schemaname, relname];
}

static PROFILE: Profile = Profile {
    name: "alembic",
    about: "Revisions in every Alembic version table, and since when",
    scope: Scope::Database,
    interval: Duration::from_secs(15),
    timeout: Duration::from_secs(10),
    heavy: false,
    privilege: Some("SELECT on the version tables, or pg_read_all_data"),
    metrics: &[&TABLES, &ROWS, &READABLE, &LOCKED, &REVISION, &FIRST_SEEN],
    statements: &[&VERSION_TABLES],
};

/// See the module.
pub(super) struct Alembic;

#[async_trait]
impl Collector for Alembic {
    fn profile(&self) -> &'static Profile {
        &PROFILE
    }

    async fn collect(&self, context: Context<'_>, session: &mut Session, samples: &mut Samples) -> Result<(), Error> {
        let tables = version_tables::read(session, &context.config.alembic).await?;
        samples.push_plain(&TABLES, tables.len() as f64);
        samples.leave_out(tables.len().saturating_sub(context.config.alembic.max_tables));
        let memory = [context.target, session.datname(), "alembic"];
        context.memory.retain(&memory, |subject| {
            tables.iter().any(|table| subject == [table.schema.as_str(), table.name.as_str()])
        });
        for table in tables.iter().take(context.config.alembic.max_tables) {
            push(table, &memory, context, samples);
        }
        Ok(())
    }
}

fn push(table: &VersionTable, memory: &[&str], context: Context<'_>, samples: &mut Samples) {
    let names = labels([&table.schema, &table.name]);
    let flag = |condition: bool| f64::from(u8::from(condition));
    samples.push(&READABLE, &names, flag(table.reading != Reading::Denied));
    samples.push(&LOCKED, &names, flag(table.reading == Reading::Locked));
    let subject: Vec<_> = memory.iter().copied().chain([table.schema.as_str(), table.name.as_str()]).collect();
    let known = match &table.reading {
        Reading::Rows(rows) => {
            let text: String = rows.iter().flat_map(|revision| [revision, REVISION_END]).collect();
            let since = context.memory.observe(&subject, &text);
            Some((text, since))
        }
        Reading::Locked => context.memory.last(&subject),
        Reading::Denied => None,
    };
    let Some((revisions, since)) = known else { return };
    samples.push(&FIRST_SEEN, &names, since);
    let mut rows = 0.0;
    for revision in revisions.split_terminator(REVISION_END) {
        rows += 1.0;
        samples.push_info(&REVISION, &labels([&table.schema, &table.name, revision]));
    }
    samples.push(&ROWS, &names, rows);
}

/// Ends each revision of a table in memory; no text of PostgreSQL can hold it.
const REVISION_END: &str = "\0";
