//! How a file looks from outside, so that only what changed is read again.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, SystemTime};

/// What a file looks like from outside. A changed content changes at least one of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::alembic) struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    pub(super) fn of(metadata: &Metadata) -> Self {
        Stamp {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    pub(super) fn modified(&self) -> SystemTime {
        since_epoch(self.modified)
    }

    /// The file was last changed long enough before `started` that another change would get another time.
    pub(super) fn settled(&self, started: SystemTime) -> bool {
        const GRANULARITY: Duration = Duration::from_millis(100);
        since_epoch(self.changed) + GRANULARITY < started
    }
}

fn since_epoch((seconds, nanoseconds): (i64, i64)) -> SystemTime {
    let after = Duration::new(seconds.unsigned_abs(), u32::try_from(nanoseconds).unwrap_or(0));
    let epoch = SystemTime::UNIX_EPOCH;
    if seconds < 0 { epoch - Duration::from_secs(seconds.unsigned_abs()) } else { epoch + after }
}
