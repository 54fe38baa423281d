//! The configuration file as it is written, before anything is checked.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use toml::Spanned;

use super::LogFormat;

/// A duration as people write it: `"30s"`, `"5m"`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(transparent)]
pub(super) struct Span(#[serde(with = "humantime_serde")] pub(super) Duration);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub(super) state_dir: Option<PathBuf>,
    pub(super) stale_after: Option<Spanned<u32>>,
    #[serde(default)]
    pub(super) web: Web,
    #[serde(default)]
    pub(super) log: Log,
    #[serde(default)]
    pub(super) sessions: Sessions,
    #[serde(default)]
    pub(super) alembic: Alembic,
    #[serde(default)]
    pub(super) tables: Tables,
    #[serde(default)]
    pub(super) columns: Columns,
    #[serde(default)]
    pub(super) activity: Activity,
    #[serde(default)]
    pub(super) collectors: BTreeMap<Spanned<String>, Collector>,
    pub(super) targets: Spanned<Vec<Target>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Web {
    pub(super) listen: Option<SocketAddr>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Log {
    pub(super) format: Option<LogFormat>,
    pub(super) filter: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Sessions {
    pub(super) max_connections: Option<Spanned<usize>>,
    pub(super) connect_timeout: Option<Spanned<Span>>,
    pub(super) lock_timeout: Option<Spanned<Span>>,
    pub(super) application_name: Option<Spanned<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Alembic {
    #[serde(default)]
    pub(super) version_tables: Vec<Spanned<String>>,
    pub(super) max_tables: Option<usize>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Tables {
    pub(super) max_tables: Option<usize>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Columns {
    pub(super) max_columns: Option<usize>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Activity {
    pub(super) thresholds: Option<Spanned<Vec<Span>>>,
    pub(super) max_groups: Option<usize>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Collector {
    pub(super) enabled: Option<bool>,
    pub(super) interval: Option<Spanned<Span>>,
    pub(super) timeout: Option<Spanned<Span>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Target {
    pub(super) name: Spanned<String>,
    pub(super) connection: Spanned<String>,
    pub(super) password: Option<String>,
    pub(super) password_env: Option<Spanned<String>>,
    pub(super) password_file: Option<Spanned<PathBuf>>,
    pub(super) max_connections: Option<Spanned<usize>>,
    pub(super) databases: Option<Spanned<Vec<String>>>,
    pub(super) include: Option<Vec<Spanned<String>>>,
    pub(super) exclude: Option<Vec<Spanned<String>>>,
}
