//! An application whose revisions are expected in some version tables.

use globset::GlobSet;

use crate::alembic::scripts::Source;

/// Code that is deployed with its own migrations.
#[derive(Clone, Debug)]
pub struct Application {
    /// Value of the label `application`.
    pub name: String,
    /// Where its revisions are.
    pub source: Source,
    /// How many effective heads it is meant to have.
    pub heads: usize,
    /// The targets that its databases are on.
    pub targets: Patterns,
    /// Its databases.
    pub databases: Patterns,
    /// The schemas of its version tables.
    pub schemas: Patterns,
    /// The names of its version tables.
    pub tables: Patterns,
}

/// The name that Alembic gives its table unless env.py gives another.
pub const DEFAULT_VERSION_TABLE: &str = "alembic_version";

impl Application {
    /// The name of its version table where there is none.
    pub fn expected_table(&self) -> &str {
        self.tables.name().unwrap_or(DEFAULT_VERSION_TABLE)
    }

    /// Whether it may have version tables in a database.
    pub fn is_in(&self, target: &str, datname: &str) -> bool {
        self.targets.match_name(target) && self.databases.match_name(datname)
    }

    /// Whether a version table in one of its databases is its own.
    pub fn claims(&self, schema: &str, table: &str) -> bool {
        self.schemas.match_name(schema) && self.tables.match_name(table)
    }
}

/// Names by patterns.
#[derive(Clone, Debug, Default)]
pub enum Patterns {
    /// Nothing is configured: every name.
    #[default]
    All,
    /// The names that one of the patterns fits.
    Some {
        /// The patterns.
        globs: GlobSet,
        /// The only name that fits, where there is one pattern and it is a name.
        name: Option<String>,
    },
}

impl Patterns {
    /// Whether a name fits.
    pub fn match_name(&self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::Some { globs, .. } => globs.is_match(name),
        }
    }

    /// The only name that fits, where it is known.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::All => None,
            Self::Some { name, .. } => name.as_deref(),
        }
    }

    /// Whether somebody has written which names fit.
    pub fn are_configured(&self) -> bool {
        matches!(self, Self::Some { .. })
    }
}
