//! What is collected: one file per collector, with its metrics, its SQL and how rows become samples.
//!
//! To add a collector, write its file and add it to [`ALL`]; the command line, the reference, the schedule and the
//! tests walk that slice.

mod activity;
pub mod alembic;
mod column_statistics;
mod database;
mod datnames;
mod debris;
mod groups;
pub mod live_tables;
mod locks;
pub mod migrations;
pub mod privileges;
mod server;
mod table_activity;
mod table_sizes;
pub mod version_tables;

use std::time::Duration;

use async_trait::async_trait;

use crate::config::Config;
use crate::metric::{Definition, Samples};
use crate::postgres::{Error, Session, Sql};
use crate::state::Memory;

/// Every collector.
pub static ALL: &[&dyn Collector] = &[
    &server::Server,
    &database::Database,
    &activity::Activity,
    &locks::Locks,
    &migrations::Migrations,
    &debris::Debris,
    &privileges::Privileges,
    &alembic::Alembic,
    &table_sizes::TableSizes,
    &table_activity::TableActivity,
    &column_statistics::ColumnStatistics,
];

/// Names that stand for what is beyond a bound, summed: no schema and no role has an empty name.
const OTHER: [&str; 2] = ["", "other"];

/// The names of all collectors, as the configuration knows them.
pub fn names() -> Vec<&'static str> {
    ALL.iter().map(|collector| collector.profile().name).collect()
}

/// Where a collector runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Once per target, in the background's own time.
    Server,
    /// Once per target, in a session that serves nothing else, so that nothing delays it.
    Watch,
    /// In every watched database.
    Database,
}

impl Scope {
    /// The labels that stand before those of the collector's metrics.
    pub fn labels(self) -> &'static [&'static str] {
        match self {
            Self::Server | Self::Watch => &["target"],
            Self::Database => &["target", "datname"],
        }
    }
}

/// What is known of a collector before it runs.
#[derive(Debug)]
pub struct Profile {
    /// Its name in the configuration and in the label `collector`.
    pub name: &'static str,
    /// What it collects, in one sentence.
    pub about: &'static str,
    /// Where it runs.
    pub scope: Scope,
    /// Time from the start of one round to the start of the next.
    pub interval: Duration,
    /// Longest time that one round may take on one database.
    pub timeout: Duration,
    /// Whether its queries make the server's backend keep so much memory that the session should end afterwards.
    pub heavy: bool,
    /// The privilege without which it sees less, as one would grant it; `None`: every role sees all.
    pub privilege: Option<&'static str>,
    /// Its metrics.
    pub metrics: &'static [&'static Definition],
    /// Its statements, which tests prepare on every supported version.
    pub statements: &'static [&'static Sql],
}

/// What a collector may use besides its session.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The bounds and thresholds that the user set.
    pub config: &'a Config,
    /// What is remembered from round to round, and from run to run where a state folder is configured.
    pub memory: &'a Memory,
    /// What collectors note from round to round, in memory alone.
    pub notes: &'a Notes,
    /// What the code expects of version tables.
    pub applications: &'a alembic::Applications,
    /// The target, as its label says.
    pub target: &'a str,
}

/// What collectors note about one target from round to round.
#[derive(Debug, Default)]
pub struct Notes {
    sizes: table_sizes::Sizes,
    migrations: migrations::Notes,
    alembic: alembic::Notes,
}

/// A source of samples.
#[async_trait]
pub trait Collector: Send + Sync {
    /// What is known of it before it runs.
    fn profile(&self) -> &'static Profile;

    /// Runs one round. The samples of a round that fails are dropped; the last good ones stay until they are stale.
    async fn collect(&self, context: Context<'_>, session: &mut Session, samples: &mut Samples) -> Result<(), Error>;
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn metrics() -> impl Iterator<Item = &'static Definition> {
        ALL.iter().flat_map(|collector| collector.profile().metrics).copied()
    }

    #[test]
    fn every_collector_and_every_metric_has_a_name_of_its_own() {
        assert_eq!(names().into_iter().collect::<BTreeSet<_>>().len(), ALL.len());
        let families: BTreeSet<_> = metrics().map(Definition::family_name).collect();
        assert_eq!(families.len(), metrics().count(), "two metrics share a name, or differ in a suffix only");
    }

    #[test]
    fn every_metric_keeps_the_naming_rules() {
        let violations: Vec<_> = metrics().flat_map(Definition::violations).collect();
        assert!(violations.is_empty(), "{violations:#?}");
    }

    #[test]
    fn a_round_never_takes_longer_than_its_interval() {
        for profile in ALL.iter().map(|collector| collector.profile()) {
            assert!(profile.timeout <= profile.interval, "{}", profile.name);
        }
    }
}
