//! How many connections may be open at once.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{Error, ErrorKind};

/// The connections that may be open at once: of the whole exporter, or of one target within it.
///
/// A permit is given back when the connection is closed, not when its user lets go of it: the budget is never
/// exceeded on the server.
#[derive(Clone, Debug)]
pub struct Budget {
    /// Its own connections first, then those of whom it is a part.
    levels: Vec<Arc<Semaphore>>,
    limit: usize,
}

/// The right to hold one connection open.
#[derive(Debug)]
pub struct Permit {
    _levels: Vec<OwnedSemaphorePermit>,
}

impl Budget {
    /// The budget of a whole exporter.
    pub fn exporter(limit: usize) -> Self {
        Self { levels: vec![Arc::new(Semaphore::new(limit))], limit }
    }

    /// The budget of one target, within this one.
    #[must_use]
    pub fn target(&self, limit: usize) -> Self {
        let own = Arc::new(Semaphore::new(limit));
        Self { levels: [own].into_iter().chain(self.levels.iter().cloned()).collect(), limit }
    }

    /// Upper bound of open connections.
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// Connections that are open now, or about to be.
    pub fn open(&self) -> usize {
        self.levels.first().map_or(0, |own| self.limit.saturating_sub(own.available_permits()))
    }

    /// Waits for room, but no longer than `patience`.
    pub async fn acquire(&self, patience: Duration) -> Result<Permit, Error> {
        let permits = async {
            let mut levels = Vec::new();
            for level in &self.levels {
                levels.push(Arc::clone(level).acquire_owned().await.ok()?);
            }
            Some(Permit { _levels: levels })
        };
        tokio::time::timeout(patience, permits).await.ok().flatten().ok_or_else(|| {
            Error::new(
                ErrorKind::Budget,
                "wait for a connection",
                "all connections are in use; raise max_connections of the target or of [sessions]",
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Duration = Duration::from_millis(20);

    #[tokio::test]
    async fn a_target_never_has_more_connections_than_its_budget() {
        let budget = Budget::exporter(10).target(1);
        let held = budget.acquire(SHORT).await.unwrap();
        assert_eq!(budget.open(), 1);
        assert_eq!(budget.acquire(SHORT).await.unwrap_err().kind(), ErrorKind::Budget);
        drop(held);
        budget.acquire(SHORT).await.unwrap();
    }

    #[tokio::test]
    async fn targets_share_the_budget_of_the_exporter() {
        let exporter = Budget::exporter(1);
        let (one, other) = (exporter.target(3), exporter.target(3));
        let _held = one.acquire(SHORT).await.unwrap();
        assert!(other.acquire(SHORT).await.is_err());
    }
}
