//! The eight modes of a heavyweight lock and which of them exclude each other.

use std::fmt;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A lock mode, weakest first, in the order of PostgreSQL's own table
/// ("Conflicting Lock Modes", documentation chapter "Explicit Locking").
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LockMode {
    /// Taken by every `SELECT`.
    AccessShare,
    /// Taken by `SELECT ... FOR UPDATE` and its kin.
    RowShare,
    /// Taken by `INSERT`, `UPDATE`, `DELETE` and `MERGE`.
    RowExclusive,
    /// Taken by `VACUUM`, `ANALYZE`, the concurrent forms of index DDL, `VALIDATE CONSTRAINT`.
    ShareUpdateExclusive,
    /// Taken by a plain `CREATE INDEX`.
    Share,
    /// Taken by `CREATE TRIGGER` and `ADD FOREIGN KEY`.
    ShareRowExclusive,
    /// Taken by `REFRESH MATERIALIZED VIEW CONCURRENTLY`.
    Exclusive,
    /// Taken by most forms of `ALTER TABLE`, by `DROP` and `TRUNCATE`: excludes even readers.
    AccessExclusive,
}

impl LockMode {
    /// Every mode, weakest first.
    pub const ALL: [Self; 8] = [
        Self::AccessShare,
        Self::RowShare,
        Self::RowExclusive,
        Self::ShareUpdateExclusive,
        Self::Share,
        Self::ShareRowExclusive,
        Self::Exclusive,
        Self::AccessExclusive,
    ];

    /// The mode that `pg_locks.mode` names; `None` for `SIReadLock`, which excludes nobody.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.name() == name)
    }

    /// The name as `pg_locks.mode` writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AccessShare => "AccessShareLock",
            Self::RowShare => "RowShareLock",
            Self::RowExclusive => "RowExclusiveLock",
            Self::ShareUpdateExclusive => "ShareUpdateExclusiveLock",
            Self::Share => "ShareLock",
            Self::ShareRowExclusive => "ShareRowExclusiveLock",
            Self::Exclusive => "ExclusiveLock",
            Self::AccessExclusive => "AccessExclusiveLock",
        }
    }

    /// Whether two sessions cannot hold `self` and `other` on the same object at once.
    pub fn conflicts_with(self, other: Self) -> bool {
        let (weaker, stronger) = if self <= other { (self, other) } else { (other, self) };
        match weaker {
            Self::AccessShare => stronger == Self::AccessExclusive,
            Self::RowShare => stronger >= Self::Exclusive,
            Self::RowExclusive => stronger >= Self::Share,
            // Two plain index builds may run side by side: the one hole in the upper half of the table.
            Self::Share => stronger != Self::Share,
            _ => true,
        }
    }

    /// Whether only statements that change the schema or maintain a table take this mode on a relation.
    pub fn is_ddl(self) -> bool {
        self >= Self::ShareUpdateExclusive
    }

    /// Whether a session that holds this mode on a relation keeps others from writing to it.
    pub fn stops_writers(self) -> bool {
        self >= Self::Share
    }
}

impl Serialize for LockMode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for LockMode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Self::parse(&name).ok_or_else(|| Error::custom(format_args!("{name:?} is no lock mode")))
    }
}

impl fmt::Display for LockMode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::LockMode;

    /// The table of the documentation, a row per mode, weakest first; `X` excludes.
    const DOCUMENTED: [&str; 8] =
        [".......X", "......XX", "....XXXX", "...XXXXX", "..XX.XXX", "..XXXXXX", ".XXXXXXX", "XXXXXXXX"];

    #[test]
    fn modes_exclude_each_other_as_documented() {
        for (row, mode) in DOCUMENTED.iter().zip(LockMode::ALL) {
            for (cell, other) in row.chars().zip(LockMode::ALL) {
                assert_eq!(mode.conflicts_with(other), cell == 'X', "{mode} and {other}");
            }
        }
    }

    #[test]
    fn every_name_is_read_back_and_a_predicate_lock_is_no_mode() {
        for mode in LockMode::ALL {
            assert_eq!(LockMode::parse(mode.name()), Some(mode));
        }
        assert_eq!(LockMode::parse("SIReadLock"), None);
    }
}
