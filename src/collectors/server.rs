//! The server itself: version, start, role in replication, connections against their limit.

use std::time::Duration;

use async_trait::async_trait;

use super::{Collector, Context, Profile, Scope};
use crate::metric::{Samples, labels, metrics};
use crate::postgres::{Error, Session, Sql};

static SERVER: Sql = Sql::new(&[(13, include_str!("sql/server.sql")), (16, include_str!("sql/server.16.sql"))]);

metrics! {
    /// Version of the server, a constant 1 (setting server_version).
    static INFO: Info = "pgwarden_server_info" [version];
    /// Unix time at which the server was started (pg_postmaster_start_time).
    static START: Gauge = "pgwarden_server_start_timestamp_seconds" [];
    /// Unix time at which the server last loaded its configuration (pg_conf_load_time).
    static CONFIGURED: Gauge = "pgwarden_server_configuration_load_timestamp_seconds" [];
    /// 1 on a standby, 0 on a primary (pg_is_in_recovery).
    static IN_RECOVERY: Gauge = "pgwarden_server_in_recovery" [];
    /// Connections to all databases, with the workers of autovacuum and of parallel queries in them (sum of pg_stat_database.numbackends).
    static CONNECTIONS: Gauge = "pgwarden_server_connections" [];
    /// Upper bound of connections (setting max_connections).
    static MAX_CONNECTIONS: Gauge = "pgwarden_server_max_connections" [];
    /// Connections that ordinary roles cannot use (settings superuser_reserved_connections and reserved_connections).
    static RESERVED: Gauge = "pgwarden_server_reserved_connections" [];
    /// Transaction age at which autovacuum is forced (setting autovacuum_freeze_max_age).
    static FREEZE_MAX_AGE: Gauge = "pgwarden_server_autovacuum_freeze_max_transactions" [];
    /// Locks that the shared lock table has room for (settings max_locks_per_transaction, max_connections and max_prepared_transactions).
    static LOCK_SLOTS: Gauge = "pgwarden_server_lock_slots" [];
}

static PROFILE: Profile = Profile {
    name: "server",
    about: "Version, start time, role in replication, connections against their limit",
    scope: Scope::Server,
    interval: Duration::from_secs(30),
    timeout: Duration::from_secs(5),
    heavy: false,
    privilege: None,
    metrics: &[
        &INFO,
        &START,
        &CONFIGURED,
        &IN_RECOVERY,
        &CONNECTIONS,
        &MAX_CONNECTIONS,
        &RESERVED,
        &FREEZE_MAX_AGE,
        &LOCK_SLOTS,
    ],
    statements: &[&SERVER],
};

/// See the module.
pub(super) struct Server;

#[async_trait]
impl Collector for Server {
    fn profile(&self) -> &'static Profile {
        &PROFILE
    }

    async fn collect(&self, _: Context<'_>, session: &mut Session, samples: &mut Samples) -> Result<(), Error> {
        let row = session.query_one(SERVER.text(session.version()), &[]).await?;
        samples.push_info(&INFO, &labels([&row.text("version")?]));
        for (definition, column) in [
            (&START, "started"),
            (&CONFIGURED, "configured"),
            (&IN_RECOVERY, "in_recovery"),
            (&CONNECTIONS, "connections"),
            (&MAX_CONNECTIONS, "max_connections"),
            (&RESERVED, "reserved_connections"),
            (&FREEZE_MAX_AGE, "freeze_max_age"),
            (&LOCK_SLOTS, "lock_slots"),
        ] {
            samples.push_plain(definition, row.number(column)?);
        }
        Ok(())
    }
}
