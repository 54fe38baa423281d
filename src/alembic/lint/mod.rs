//! How safe a migration is on a database in use: read from its file, without running it.
//!
//! One way: the Python file ([`reader`], [`python`], and [`sql`] for the SQL in it) becomes typed [`operation`]s in
//! order, each has [`effect`]s on tables (lock, rewrite, scan), and the [`rules`] turn them into [`finding`]s. Tables
//! that the migration makes itself are no risk. Architecture invariant: pure; files are read by the caller, but for a look
//! at `env.py`.

mod data_type;
mod documentation;
mod effect;
mod environment;
mod facts;
mod finding;
#[cfg(test)]
mod hostile;
mod judge;
mod knowledge;
mod nesting;
mod operation;
mod python;
mod reader;
mod rules;
mod source;
mod sql;

pub use documentation::documentation;
pub use environment::sets_lock_timeout;
pub use facts::{TableFact, TableFacts};
pub use finding::{Finding, Severity};
pub use judge::judge;
pub use knowledge::Knowledge;
pub use operation::Table;
pub use reader::{Downgrade, Migration, Unparsable, read};

/// Whether there is a rule of this name.
pub fn is_rule(id: &str) -> bool {
    rules::RULES.iter().any(|rule| rule.definition().id == id)
}

/// The oldest and the newest PostgreSQL that the claims are proven on.
pub const SUPPORTED: std::ops::RangeInclusive<u32> = 13..=18;

/// What the migrations run on, and what is already taken care of.
#[derive(Clone, Debug)]
pub struct Options {
    /// The server's major version; the oldest that is supported unless told, because what is safe there is safe later.
    pub postgres: u32,
    /// `env.py` sets a `lock_timeout` for every migration.
    pub lock_timeout_is_set: bool,
    /// Rules that are left out.
    pub ignored: Vec<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self { postgres: *SUPPORTED.start(), lock_timeout_is_set: false, ignored: Vec::new() }
    }
}
