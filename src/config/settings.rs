//! What the exporter does, one struct per concern, each with its defaults.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use globset::{Glob, GlobSet};

use super::{Application, ConfigError, Connection, Databases, Environment, Target, defaults};

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
    /// Which version tables to read, and what they should hold.
    pub alembic: Alembic,
    /// Bounds of the table metrics.
    pub tables: Tables,
    /// Bounds of the column metrics.
    pub columns: Columns,
    /// Thresholds and bounds of the activity metrics.
    pub activity: Activity,
    /// What is a migration, and when it is stuck.
    pub migrations: Migrations,
}

impl Config {
    /// The keys whose values differ from those of another configuration although a running exporter keeps them.
    pub fn fixed_changes(&self, other: &Self) -> Vec<&'static str> {
        let changes = [
            ("state_dir", self.state_dir != other.state_dir),
            ("[web]", self.web != other.web),
            ("[log]", self.log != other.log),
        ];
        changes.into_iter().filter_map(|(key, changed)| changed.then_some(key)).collect()
    }

    /// One target and every default: what to do without a configuration file.
    ///
    /// The target is `DATABASE_URL`, else what libpq's variables (`PGHOST` and so on) describe; all of its databases are
    /// watched. It is named after its first host, with the port when that is not 5432: `db1.example.org`, `localhost:5433`.
    pub fn from_environment(environment: &Environment) -> Result<Self, ConfigError> {
        let (origin, connection) = Connection::of_environment(environment)?;
        let databases = Databases::all();
        Self::for_target(origin, Target::named_after_host(connection, databases), environment)
    }

    /// One target and every default, for a command that was given `--database TEXT`; `None` stands for `DATABASE_URL`, else
    /// libpq's variables. Only the database that the connection names is watched.
    pub fn for_connection<'a>(
        text: impl Into<Option<&'a str>>,
        environment: &Environment,
    ) -> Result<Self, ConfigError> {
        let (origin, connection) = match text.into() {
            Some(text) => {
                let origin = "the given connection";
                let connection = Connection::from_conninfo(text, environment);
                (origin, connection.map_err(|cause| ConfigError::connection(origin, cause))?)
            }
            None => Connection::of_environment(environment)?,
        };
        let databases = Databases::Named(vec![connection.dbname.clone()]);
        Self::for_target(origin, Target::named_after_host(connection, databases), environment)
    }

    fn for_target(origin: &'static str, target: Target, environment: &Environment) -> Result<Self, ConfigError> {
        target.connection.check_files().map_err(|cause| ConfigError::connection(origin, cause))?;
        Ok(Self {
            web: Web::default(),
            log: Log::default(),
            state_dir: environment.state_dir(),
            sessions: Sessions::default(),
            targets: vec![target],
            collectors: BTreeMap::new(),
            stale_after: defaults::STALE_AFTER,
            alembic: Alembic::default(),
            tables: Tables::default(),
            columns: Columns::default(),
            activity: Activity::default(),
            migrations: Migrations::default(),
        })
    }
}

/// Where the exporter listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Web {
    /// Address and port of the HTTP server.
    pub listen: SocketAddr,
}

impl Default for Web {
    fn default() -> Self {
        Self { listen: defaults::LISTEN }
    }
}

/// What the exporter logs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// Text for people or JSON for programs.
    pub format: LogFormat,
    /// A `tracing` filter such as `info` or `pgwarden=debug`.
    pub filter: String,
}

impl Default for Log {
    fn default() -> Self {
        Self { format: LogFormat::default(), filter: defaults::LOG_FILTER.to_owned() }
    }
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
#[derive(Clone, Debug, PartialEq, Eq)]
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

impl Default for Sessions {
    fn default() -> Self {
        Self {
            max_connections: defaults::SESSIONS_MAX_CONNECTIONS,
            connect_timeout: defaults::SESSIONS_CONNECT_TIMEOUT,
            lock_timeout: defaults::SESSIONS_LOCK_TIMEOUT,
            application_name: defaults::SESSIONS_APPLICATION_NAME.to_owned(),
        }
    }
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

/// Which version tables to read, and what they should hold.
#[derive(Clone, Debug)]
pub struct Alembic {
    /// `table` or `schema.table`, for version tables with more than the column `version_num`.
    pub version_tables: Vec<VersionTableName>,
    /// Version tables of one database that get series of their own, the worst first.
    pub max_tables: usize,
    /// How often revision files are looked at.
    pub refresh: Duration,
    /// Whose revisions are expected where; the first that claims a version table has it. Each name once.
    pub applications: Vec<Application>,
}

impl Default for Alembic {
    fn default() -> Self {
        Self {
            version_tables: Vec::new(),
            max_tables: defaults::ALEMBIC_MAX_TABLES,
            refresh: defaults::ALEMBIC_REFRESH,
            applications: Vec::new(),
        }
    }
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

impl Default for Tables {
    fn default() -> Self {
        Self { max_tables: defaults::TABLES_MAX_TABLES }
    }
}

/// Bounds of the column metrics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Columns {
    /// Columns of one database that get series of their own: keys and indexes of large tables first.
    pub max_columns: usize,
}

impl Default for Columns {
    fn default() -> Self {
        Self { max_columns: defaults::COLUMNS_MAX_COLUMNS }
    }
}

/// Thresholds and bounds of the activity metrics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Activity {
    /// Ages over which transactions and queries are counted, ascending.
    pub thresholds: Vec<Duration>,
    /// Groups of sessions (user, application, state) that get series of their own, the largest first.
    pub max_groups: usize,
}

impl Default for Activity {
    fn default() -> Self {
        Self { thresholds: defaults::ACTIVITY_THRESHOLDS.to_vec(), max_groups: defaults::ACTIVITY_MAX_GROUPS }
    }
}

/// What is a migration, and when it is stuck.
#[derive(Clone, Debug)]
pub struct Migrations {
    /// A wait that lasts this long is a stuck one.
    pub stuck_after: Duration,
    /// `application_name`s of sessions that migrate.
    pub applications: GlobSet,
    /// Roles of sessions that migrate.
    pub users: GlobSet,
    /// Migrations of one server that get series of their own, the worst first.
    pub max_migrations: usize,
}

impl Default for Migrations {
    fn default() -> Self {
        let applications = Glob::new(defaults::MIGRATIONS_APPLICATIONS).and_then(|glob| GlobSet::new([glob]));
        Self {
            stuck_after: defaults::MIGRATIONS_STUCK_AFTER,
            applications: applications.unwrap_or_default(),
            users: GlobSet::empty(),
            max_migrations: defaults::MIGRATIONS_MAX_MIGRATIONS,
        }
    }
}
