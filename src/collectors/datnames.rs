//! The databases of a server, for collectors that see all of them from one session.

use std::collections::BTreeSet;

use crate::metric::Samples;
use crate::postgres::{Error, Session, Sql};

pub(super) static DATNAMES: Sql = Sql::new(&[(13, include_str!("sql/datnames.sql"))]);

/// Databases with series of their own: beyond this a server is a hosting platform.
pub(super) const MAX_DATABASES: usize = 1000;

/// The names of the databases that allow connections, the oldest first to the bound.
#[derive(Debug)]
pub(super) struct Datnames {
    names: BTreeSet<String>,
    complete: bool,
}

impl Datnames {
    /// Reads the names; what has no series of its own is counted in the samples.
    pub(super) async fn read(session: &mut Session, samples: &mut Samples) -> Result<Self, Error> {
        let rows = session.query(DATNAMES.text(session.version()), &[]).await?;
        samples.leave_out(rows.len().saturating_sub(MAX_DATABASES));
        let names = rows.iter().map(|row| row.text("datname")).collect::<Result<Vec<_>, _>>()?;
        Ok(Self::bounded(names, MAX_DATABASES))
    }

    fn bounded(names: Vec<String>, limit: usize) -> Self {
        let complete = names.len() <= limit;
        Self { names: names.into_iter().take(limit).collect(), complete }
    }

    /// The names.
    pub(super) fn iter(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    /// The label of a database: its name, or nothing where it is one too many. What belongs to none has no name either.
    pub(super) fn label(&self, datname: Option<String>) -> String {
        datname.filter(|datname| self.complete || self.names.contains(datname)).unwrap_or_default()
    }
}

#[cfg(test)]
impl Datnames {
    /// Names as a server might have them.
    pub(super) fn of<const N: usize>(names: [&str; N]) -> Self {
        Self::bounded(names.map(str::to_owned).into(), N)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn databases_beyond_the_bound_share_the_empty_name() {
        let datnames = Datnames::bounded(vec!["b".into(), "a".into()], 1);
        assert_eq!(datnames.iter().collect::<Vec<_>>(), ["b"]);
        assert_eq!(datnames.label(Some("b".into())), "b");
        assert_eq!(datnames.label(Some("a".into())), "");
    }

    #[test]
    fn a_database_that_was_made_a_moment_ago_keeps_its_name() {
        assert_eq!(Datnames::of(["a"]).label(Some("new".into())), "new");
    }
}
