//! How many connections may be open at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{Error, ErrorKind};

/// The connections that may be open to one target, within those of the whole exporter.
///
/// A permit is given back when the connection is closed, not when its user lets go of it: the budget is never
/// exceeded on the server.
#[derive(Clone, Debug)]
pub struct Budget {
    exporter: Arc<Semaphore>,
    target: Arc<Semaphore>,
    limit: usize,
    waiting: Arc<AtomicUsize>,
}

/// The right to hold one connection open.
#[derive(Debug)]
pub struct Permit {
    _exporter: OwnedSemaphorePermit,
    _target: OwnedSemaphorePermit,
}

impl Budget {
    /// The budget of a whole exporter, from which those of its targets are made.
    pub fn exporter(limit: usize) -> Self {
        Self {
            exporter: Arc::new(Semaphore::new(limit)),
            target: Arc::new(Semaphore::new(limit)),
            limit,
            waiting: Arc::default(),
        }
    }

    /// The budget of one target, within this one.
    #[must_use]
    pub fn target(&self, limit: usize) -> Self {
        Self {
            exporter: Arc::clone(&self.exporter),
            target: Arc::new(Semaphore::new(limit)),
            limit,
            waiting: Arc::clone(&self.waiting),
        }
    }

    /// Upper bound of open connections.
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// Connections that are open now, or about to be.
    pub fn open(&self) -> usize {
        self.limit - self.target.available_permits().min(self.limit)
    }

    /// Whether somebody waits for a connection that the whole exporter has no room for: an idle one should go.
    pub fn is_contended(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) > 0
    }

    /// Waits for room, but no longer than `patience`.
    pub async fn acquire(&self, patience: Duration) -> Result<Permit, Error> {
        let _waiting = Waiting::new(&self.waiting);
        let permits = async {
            let target = Arc::clone(&self.target).acquire_owned().await.ok()?;
            let exporter = Arc::clone(&self.exporter).acquire_owned().await.ok()?;
            Some(Permit { _exporter: exporter, _target: target })
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

/// Counts itself among those who wait for as long as it lives.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
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
        assert!(!other.is_contended());
    }
}
