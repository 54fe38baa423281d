//! What the user asked for: a validated `Config`, resolved from TOML and the environment before anything starts.
//!
//! The raw file (`deny_unknown_fields`) is parsed, then resolved; every error names line, column and what was expected.
//! This room uses no other room.

mod secret;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use globset::GlobSet;

pub use secret::{PasswordSource, Secret};

/// Everything that the exporter needs to know, checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where the exporter listens.
    pub web: Web,
    /// What it logs.
    pub log: Log,
    /// Folder for what must survive a restart; `None`: memory alone.
    pub state_dir: Option<PathBuf>,
    /// Limits of the sessions that the exporter opens.
    pub sessions: Sessions,
    /// The servers that are watched, at least one, each name once.
    pub targets: Vec<Target>,
    /// Schedule overrides by collector name; what is absent keeps the collector's own default.
    pub collectors: BTreeMap<String, CollectorSettings>,
    /// A value disappears when it is older than this many intervals of its collector.
    pub stale_after: u32,
    /// Which version tables to read beside those that are discovered.
    pub alembic: Alembic,
    /// Bounds of the table metrics.
    pub tables: Tables,
    /// Bounds of the column metrics.
    pub columns: Columns,
    /// Thresholds and bounds of the activity metrics.
    pub activity: Activity,
}

/// Where the exporter listens.
#[derive(Clone, Debug)]
pub struct Web {
    /// Address and port of the HTTP server.
    pub listen: SocketAddr,
}

/// What the exporter logs.
#[derive(Clone, Debug)]
pub struct Log {
    /// Text for people or JSON for programs.
    pub format: LogFormat,
    /// A `tracing` filter such as `info` or `pgwarden=debug`.
    pub filter: String,
}

/// The form of a log line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One line of text.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Limits of the sessions that the exporter opens.
#[derive(Clone, Debug)]
pub struct Sessions {
    /// Upper bound of open connections over all targets.
    pub max_connections: usize,
    /// How long to wait for a connection, authentication included.
    pub connect_timeout: Duration,
    /// `lock_timeout` of every session: the longest that a statement of ours may wait for a lock.
    pub lock_timeout: Duration,
    /// `application_name` of every session.
    pub application_name: String,
}

/// One watched server.
#[derive(Clone, Debug)]
pub struct Target {
    /// Value of the label `target`.
    pub name: String,
    /// How to reach it.
    pub connection: Connection,
    /// Upper bound of open connections to it.
    pub max_connections: usize,
    /// Which databases of it are watched.
    pub databases: Databases,
}

/// Which databases of a server are watched.
#[derive(Clone, Debug)]
pub enum Databases {
    /// The ones named.
    Named(Vec<String>),
    /// Every database that allows connections, as they come and go.
    Discovered {
        /// Names to watch.
        include: GlobSet,
        /// Names to leave out, stronger than `include`.
        exclude: GlobSet,
    },
}

/// How to reach a server: the part of libpq's parameters that has a meaning here.
#[derive(Clone, Debug)]
pub struct Connection {
    /// Hosts in the order in which they are tried.
    pub hosts: Vec<Host>,
    /// Role to log in as.
    pub user: String,
    /// Database for server-wide statements and for discovery.
    pub dbname: String,
    /// Where the password comes from; read at each connect.
    pub password: PasswordSource,
    /// Encryption and verification.
    pub tls: Tls,
}

/// One address of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Host {
    /// Host name or address, and port.
    Tcp(String, u16),
    /// Folder of the unix socket, and port.
    Unix(PathBuf, u16),
}

/// Encryption and verification, with libpq's meaning.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tls {
    /// libpq's `sslmode`.
    pub mode: SslMode,
    /// libpq's `sslrootcert`; `None`: the system's store where the mode verifies.
    pub root_certificate: Option<PathBuf>,
    /// libpq's `sslcert`.
    pub certificate: Option<PathBuf>,
    /// libpq's `sslkey`.
    pub key: Option<PathBuf>,
}

/// libpq's `sslmode`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SslMode {
    /// Never encrypt.
    Disable,
    /// Plain first, encrypted when the server insists.
    Allow,
    /// Encrypted when the server can.
    #[default]
    Prefer,
    /// Encrypted or nothing; verified only when a root certificate is given.
    Require,
    /// Encrypted, certificate chain verified.
    VerifyCa,
    /// Encrypted, certificate chain and host name verified.
    VerifyFull,
}

/// The schedule of one collector, where it differs from the collector's own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CollectorSettings {
    /// Whether it runs.
    pub enabled: Option<bool>,
    /// Time from the start of one round to the start of the next.
    pub interval: Option<Duration>,
    /// Longest time that one round may take on one database.
    pub timeout: Option<Duration>,
}

/// Which version tables to read beside those that are discovered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Alembic {
    /// `table` or `schema.table`, for version tables with more than the column `version_num`.
    pub version_tables: Vec<VersionTableName>,
    /// Version tables of one database that get series of their own.
    pub max_tables: usize,
}

/// The configured name of a version table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionTableName {
    /// Schema; `None`: any schema.
    pub schema: Option<String>,
    /// Table.
    pub table: String,
}

/// Bounds of the table metrics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tables {
    /// Tables of one database that get series of their own, the largest first; the rest is summed.
    pub max_tables: usize,
}

/// Bounds of the column metrics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Columns {
    /// Columns of one database that get series of their own: keys and indexes of large tables first.
    pub max_columns: usize,
}

/// Thresholds and bounds of the activity metrics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Activity {
    /// Ages over which transactions and queries are counted, ascending.
    pub thresholds: Vec<Duration>,
    /// Groups of sessions (user, application, state) that get series of their own, the largest first.
    pub max_groups: usize,
}
