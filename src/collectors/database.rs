//! The databases of a server: size, connections, transaction age.

use std::time::Duration;

use async_trait::async_trait;

use super::datnames::MAX_DATABASES;
use super::{Collector, Context, Profile, Scope};
use crate::metric::{Definition, Samples, labels, largest, metrics};
use crate::postgres::{Error, Session, Sql};

static DATABASES: Sql = Sql::new(&[(13, include_str!("sql/database.sql"))]);

metrics! {
    /// Bytes that the database takes (pg_database_size); absent without CONNECT and without pg_read_all_stats.
    static SIZE: Gauge = "pgwarden_database_size_bytes" [datname];
    /// Transactions since the oldest that is not frozen (age of pg_database.datfrozenxid).
    static TRANSACTIONS: Gauge = "pgwarden_database_unfrozen_transactions" [datname];
    /// Multixacts since the oldest that is not frozen (mxid_age of pg_database.datminmxid).
    static MULTIXACTS: Gauge = "pgwarden_database_unfrozen_multixacts" [datname];
    /// Upper bound of connections to the database, absent where there is none (pg_database.datconnlimit).
    static CONNECTION_LIMIT: Gauge = "pgwarden_database_connection_limit" [datname];
    /// Connections to the database, with the workers of autovacuum and of parallel queries in it (pg_stat_database.numbackends).
    static CONNECTIONS: Gauge = "pgwarden_database_connections" [datname];
    /// Transactions that were committed (pg_stat_database.xact_commit).
    static COMMITS: Counter = "pgwarden_database_commits_total" [datname];
    /// Transactions that were rolled back (pg_stat_database.xact_rollback).
    static ROLLBACKS: Counter = "pgwarden_database_rollbacks_total" [datname];
    /// Deadlocks that were broken (pg_stat_database.deadlocks).
    static DEADLOCKS: Counter = "pgwarden_database_deadlocks_total" [datname];
    /// Bytes written to temporary files (pg_stat_database.temp_bytes).
    static TEMP_BYTES: Counter = "pgwarden_database_temp_bytes_total" [datname];
    /// Unix time at which the statistics of the database were reset, absent if never (pg_stat_database.stats_reset).
    static STATS_RESET: Gauge = "pgwarden_database_stats_reset_timestamp_seconds" [datname];
}

const FACTS: [(&Definition, &str); 10] = [
    (&SIZE, "size"),
    (&TRANSACTIONS, "transactions"),
    (&MULTIXACTS, "multixacts"),
    (&CONNECTION_LIMIT, "connection_limit"),
    (&CONNECTIONS, "connections"),
    (&COMMITS, "commits"),
    (&ROLLBACKS, "rollbacks"),
    (&DEADLOCKS, "deadlocks"),
    (&TEMP_BYTES, "temp_bytes"),
    (&STATS_RESET, "stats_reset"),
];

static PROFILE: Profile = Profile {
    name: "database",
    about: "Size, connections, transaction and multixact age of every database of the server",
    scope: Scope::Server,
    interval: Duration::from_mins(1),
    timeout: Duration::from_secs(20),
    heavy: false,
    privilege: Some("pg_monitor"),
    metrics: &[
        &SIZE,
        &TRANSACTIONS,
        &MULTIXACTS,
        &CONNECTION_LIMIT,
        &CONNECTIONS,
        &COMMITS,
        &ROLLBACKS,
        &DEADLOCKS,
        &TEMP_BYTES,
        &STATS_RESET,
    ],
    statements: &[&DATABASES],
};

/// See the module.
pub(super) struct Database;

#[async_trait]
impl Collector for Database {
    fn profile(&self) -> &'static Profile {
        &PROFILE
    }

    async fn collect(&self, _: Context<'_>, session: &mut Session, samples: &mut Samples) -> Result<(), Error> {
        let rows = session.query(DATABASES.text(session.version()), &[]).await?;
        let size = |row: &crate::postgres::Row| row.number_some("size").ok().flatten().unwrap_or_default();
        let databases = largest(rows, MAX_DATABASES, size);
        samples.leave_out(databases.rest.len());
        for row in databases.kept {
            let datname = labels([&row.text("datname")?]);
            for (definition, column) in FACTS {
                samples.push_some(definition, &datname, row.number_some(column)?);
            }
        }
        Ok(())
    }
}
