//! What lint says.

use serde::Serialize;

use super::facts::TableFact;
use super::operation::Table;
use crate::locks::LockMode;

/// How bad a finding is. Only errors and warnings make `pgwarden lint` exit with 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// It stops reads or writes for as long as the table is big, or fails.
    Error,
    /// It breaks running code, loses data, or may do harm in a queue of locks.
    Warning,
    /// Worth knowing.
    Info,
}

impl Severity {
    /// Every severity, the worst first.
    pub const ALL: [Severity; 3] = [Severity::Error, Severity::Warning, Severity::Info];

    /// Its name in JSON, in labels and for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Info => "info",
        }
    }
}

/// One finding, in the form of the JSON output.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    /// The rule's identifier.
    pub rule: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// The file as it was given.
    pub file: String,
    /// The line of the operation, counted from 1.
    pub line: usize,
    /// The operation as written, `None` where it is about the file.
    pub operation: Option<String>,
    /// The table's schema, where the migration names it.
    pub schema: Option<String>,
    /// The table.
    pub table: Option<String>,
    /// The strongest lock that the operation takes on the table.
    pub lock: Option<LockMode>,
    /// The table gets a new file.
    pub rewrites: Option<bool>,
    /// The table is read through; building an index counts.
    pub scans: Option<bool>,
    /// What happens.
    pub message: String,
    /// The safe form.
    pub remedy: &'static str,
    /// Estimated rows of the table, with a database at hand.
    pub rows: Option<u64>,
    /// Size of the table with its indexes and TOAST in bytes, with a database at hand.
    pub bytes: Option<u64>,
    /// Rows written to the table per second, with a database at hand.
    pub writes_per_second: Option<f64>,
    /// It is as bad on a small table as on a large one.
    #[serde(skip)]
    pub(super) at_any_size: bool,
}

impl Finding {
    /// The table that it is about, where it is about one that has a name.
    pub fn operated(&self) -> Option<Table> {
        self.table.is_some().then(|| Table { schema: self.schema.clone(), name: self.table.clone() })
    }

    /// How bad it is on a live table.
    pub fn severity_on(&self, fact: &TableFact) -> Severity {
        if self.at_any_size { self.severity } else { fact.weigh(self.severity) }
    }

    /// The finding with what is known of the live table, and as bad as that makes it.
    #[must_use]
    pub fn weigh(&self, fact: Option<&TableFact>) -> Self {
        let Some(fact) = fact else { return self.clone() };
        Self {
            severity: self.severity_on(fact),
            rows: fact.rows,
            bytes: fact.bytes,
            writes_per_second: fact.writes_per_second,
            ..self.clone()
        }
    }
}
