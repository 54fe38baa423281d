//! Every default of the configuration, in one place; `config.toml` documents them and a test compares.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

/// All IPv4 addresses, as other exporters do: Prometheus usually scrapes from another machine.
pub(super) const LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 19187);
/// Filter of the log.
pub(super) const LOG_FILTER: &str = "info";
/// Intervals after which a value is too old to be shown.
pub(super) const STALE_AFTER: u32 = 3;

/// Open connections over all targets.
pub(super) const SESSIONS_MAX_CONNECTIONS: usize = 30;
/// Time to connect, authentication included.
pub(super) const SESSIONS_CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Longest wait for a lock: short enough that nobody notices us in the queue.
pub(super) const SESSIONS_LOCK_TIMEOUT: Duration = Duration::from_millis(100);
/// Name of our sessions in `pg_stat_activity`.
pub(super) const SESSIONS_APPLICATION_NAME: &str = "pgwarden";

/// PostgreSQL's own port.
pub(super) const PORT: u16 = 5432;
/// Open connections to one target.
pub(super) const TARGET_MAX_CONNECTIONS: usize = 3;

/// Version tables of one database with series of their own.
pub(super) const ALEMBIC_MAX_TABLES: usize = 100;
/// How often revision files are looked at.
pub(super) const ALEMBIC_REFRESH: Duration = Duration::from_secs(10);
/// Heads that the code of an application is meant to have.
pub(super) const APPLICATION_HEADS: usize = 1;
/// Tables of one database with series of their own.
pub(super) const TABLES_MAX_TABLES: usize = 200;
/// Columns of one database with series of their own.
pub(super) const COLUMNS_MAX_COLUMNS: usize = 300;
/// How long a migration waits before it is stuck: longer than healthy lock waits, shorter than anybody's patience.
pub(super) const MIGRATIONS_STUCK_AFTER: Duration = Duration::from_secs(5);
/// Application names of sessions that migrate, beside those that are recognised by what they do.
pub(super) const MIGRATIONS_APPLICATIONS: &str = "*alembic*";
/// Migrations of one server with series of their own.
pub(super) const MIGRATIONS_MAX_MIGRATIONS: usize = 20;
/// Groups of sessions with series of their own.
pub(super) const ACTIVITY_MAX_GROUPS: usize = 100;
/// Ages over which transactions and queries are counted.
pub(super) const ACTIVITY_THRESHOLDS: [Duration; 4] =
    [Duration::from_secs(10), Duration::from_mins(1), Duration::from_mins(5), Duration::from_mins(30)];
