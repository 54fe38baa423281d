//! What failed and half-finished migrations leave behind: invalid indexes, constraints that are not validated.

use std::time::Duration;

use async_trait::async_trait;

use super::{Collector, Context, Profile, Scope};
use crate::metric::{Definition, Samples, labels, metrics};
use crate::postgres::{Error, Row, Session, Sql};

static DEBRIS: Sql = Sql::new(&[(13, include_str!("sql/debris.sql"))]);

/// Objects of one database with series of their own: more than these nobody clears by hand.
const MAX_OBJECTS: usize = 50;

metrics! {
    /// Indexes that are invalid and not being built, those of partitioned tables left out; each slows writes down and serves no query (pg_index.indisvalid).
    static INVALID: Gauge = "pgwarden_invalid_indexes" [];
    /// Those of them that a REINDEX CONCURRENTLY left behind, named _ccnew or _ccold (pg_class.relname).
    static LEFTOVERS: Gauge = "pgwarden_leftover_indexes" [];
    /// Constraints that hold for new rows only, because they were added NOT VALID and have not been validated (pg_constraint.convalidated).
    static UNVALIDATED: Gauge = "pgwarden_unvalidated_constraints" [];
    /// Unix time since which an invalid index has been seen; PostgreSQL does not store it.
    static INVALID_SINCE: Gauge = "pgwarden_invalid_index_first_seen_timestamp_seconds" [schemaname, relname, indexrelname];
    /// Unix time since which a constraint has been seen not validated; PostgreSQL does not store it.
    static UNVALIDATED_SINCE: Gauge = "pgwarden_unvalidated_constraint_first_seen_timestamp_seconds" [schemaname, relname, conname];
}

static PROFILE: Profile = Profile {
    name: "debris",
    about: "Invalid indexes and constraints that are not validated, since when",
    scope: Scope::Database,
    interval: Duration::from_mins(1),
    timeout: Duration::from_secs(10),
    heavy: false,
    privilege: None,
    metrics: &[&INVALID, &LEFTOVERS, &UNVALIDATED, &INVALID_SINCE, &UNVALIDATED_SINCE],
    statements: &[&DEBRIS],
};

/// See the module.
pub(super) struct Debris;

/// An object that should not stay as it is.
struct Object {
    kind: String,
    schema: String,
    table: String,
    name: String,
    leftover: bool,
}

impl Object {
    fn read(row: &Row) -> Result<Self, Error> {
        Ok(Self {
            kind: row.text("kind")?,
            schema: row.text("schemaname")?,
            table: row.text("relname")?,
            name: row.text("name")?,
            leftover: row.boolean("leftover")?,
        })
    }

    /// What it is remembered by.
    fn key(&self) -> [&str; 4] {
        [&self.kind, &self.schema, &self.table, &self.name]
    }
}

#[async_trait]
impl Collector for Debris {
    fn profile(&self) -> &'static Profile {
        &PROFILE
    }

    async fn collect(&self, context: Context<'_>, session: &mut Session, samples: &mut Samples) -> Result<(), Error> {
        let rows = session.query(DEBRIS.text(session.version()), &[]).await?;
        let objects = rows.iter().map(Object::read).collect::<Result<Vec<_>, _>>()?;
        let (indexes, constraints): (Vec<_>, Vec<_>) = objects.iter().partition(|object| object.kind == "index");
        samples.push_plain(&INVALID, indexes.len() as f64);
        samples.push_plain(&LEFTOVERS, indexes.iter().filter(|index| index.leftover).count() as f64);
        samples.push_plain(&UNVALIDATED, constraints.len() as f64);

        let memory = [context.target, session.datname(), "debris"];
        context.memory.retain(&memory, |subject| objects.iter().any(|object| subject == object.key()));
        push(&INVALID_SINCE, &indexes, &memory, context, samples);
        push(&UNVALIDATED_SINCE, &constraints, &memory, context, samples);
        Ok(())
    }
}

fn push(since: &'static Definition, objects: &[&Object], memory: &[&str], context: Context<'_>, samples: &mut Samples) {
    samples.leave_out(objects.len().saturating_sub(MAX_OBJECTS));
    for object in objects.iter().take(MAX_OBJECTS) {
        let first_seen = context.memory.observe(&[memory, &object.key()].concat(), "");
        samples.push(since, &labels([&object.schema, &object.table, &object.name]), first_seen);
    }
}
