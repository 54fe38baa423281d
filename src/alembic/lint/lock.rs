//! PostgreSQL's table lock modes.

use serde::{Serialize, Serializer};

/// A table-level lock mode, weakest first (PostgreSQL documentation, 13.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lock {
    /// `ACCESS SHARE`.
    AccessShare,
    /// `ROW SHARE`.
    RowShare,
    /// `ROW EXCLUSIVE`.
    RowExclusive,
    /// `SHARE UPDATE EXCLUSIVE`.
    ShareUpdateExclusive,
    /// `SHARE`.
    Share,
    /// `SHARE ROW EXCLUSIVE`.
    ShareRowExclusive,
    /// `EXCLUSIVE`.
    Exclusive,
    /// `ACCESS EXCLUSIVE`.
    AccessExclusive,
}

impl Lock {
    /// The name as in `pg_locks.mode`.
    pub const fn mode(self) -> &'static str {
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

    /// Whether INSERT, UPDATE and DELETE of others wait for it.
    pub fn blocks_writes(self) -> bool {
        self >= Self::Share
    }

    /// Who waits, in words.
    pub fn blocks(self) -> &'static str {
        match self {
            Self::AccessExclusive => "every read and write",
            Self::Share | Self::ShareRowExclusive | Self::Exclusive => "every write",
            _ => "only other schema changes",
        }
    }
}

impl Serialize for Lock {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.mode())
    }
}
