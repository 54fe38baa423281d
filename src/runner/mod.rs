//! The background: targets, schedule, back-off, and what is published.

mod backoff;
pub mod databases;
mod piece;
mod published;
mod schedule;
pub mod status;
mod target;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;
use tracing::warn;

pub use piece::Piece;
pub use published::{Overview, Published, Reachability, Rounds, Source};

use crate::collectors::alembic::Applications;
use crate::config::Config;
use crate::postgres::Budget;
use crate::state::Memory;
use target::Watched;

/// How often what must survive a restart is written, when it has changed.
const SAVE_INTERVAL: Duration = Duration::from_secs(5);

/// How long statements that were cut off by a stop have to be cancelled on their servers.
const FAREWELL: Duration = Duration::from_secs(1);

/// What outlives a reload of the configuration.
#[derive(Debug, Default)]
pub struct Shared {
    /// The values that scrapes are served.
    pub published: Arc<Published>,
    /// What was first seen when.
    pub memory: Arc<Memory>,
    /// What the code expects of version tables.
    pub applications: Arc<Applications>,
    /// How often the state folder could not be used.
    pub state_errors: Arc<AtomicU64>,
}

impl Shared {
    /// Counts one failure to use the state folder.
    pub fn count_state_error(&self) {
        self.state_errors.fetch_add(1, Ordering::Relaxed);
    }
}

/// Looks at the revisions of every application, runs one round of every collector on every target and publishes it.
pub async fn once(config: Config, shared: &Shared) {
    shared.applications.configure(&config.alembic);
    shared.applications.look().await;
    let config = Arc::new(config);
    let budget = Budget::exporter(config.sessions.max_connections);
    for target in &config.targets {
        Watched::new(&config, target, &budget, shared).once().await;
    }
}

/// The tasks that watch the targets of one configuration. Dropping it ends them.
pub struct Runner {
    tasks: JoinSet<()>,
    targets: Vec<Arc<Watched>>,
    budget: Budget,
}

impl Runner {
    /// Starts to watch. Values of targets that the configuration no longer has are dropped.
    pub fn start(config: Config, shared: &Shared) -> Self {
        let config = Arc::new(config);
        let budget = Budget::exporter(config.sessions.max_connections);
        let watch = |target| Arc::new(Watched::new(&config, target, &budget, shared));
        let targets: Vec<_> = config.targets.iter().map(watch).collect();
        let named = |name: &str| targets.iter().any(|target| target.name() == name);
        // Databases are not discovered yet: what was known of them stays until it is stale.
        shared.published.retain(named, |source| named(&source.target));
        let mut tasks = JoinSet::new();
        shared.applications.configure(&config.alembic);
        for application in shared.applications.all() {
            tasks.spawn(application.watch(config.alembic.refresh));
        }
        for target in &targets {
            target.spawn(&mut tasks);
        }
        tasks.spawn(save(Arc::clone(&shared.memory), Arc::clone(&shared.state_errors)));
        Self { tasks, targets, budget }
    }

    /// The connections to each target, by its name.
    pub fn budgets(&self) -> impl Iterator<Item = (&str, &Budget)> {
        self.targets.iter().map(|target| (target.name(), target.budget()))
    }

    /// The connections to all targets together.
    pub fn budget(&self) -> &Budget {
        &self.budget
    }

    /// Stops at once: statements that run are cancelled on their servers, sessions end.
    pub async fn stop(mut self) {
        self.tasks.shutdown().await;
        let closed = async {
            while self.budget.open() > 0 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let _ = tokio::time::timeout(FAREWELL, closed).await;
    }
}

async fn save(memory: Arc<Memory>, errors: Arc<AtomicU64>) {
    let mut failing = false;
    loop {
        tokio::time::sleep(SAVE_INTERVAL).await;
        let memory = Arc::clone(&memory);
        let Ok(outcome) = tokio::task::spawn_blocking(move || memory.save()).await else { return };
        if let Err(error) = &outcome {
            errors.fetch_add(1, Ordering::Relaxed);
            if !failing {
                warn!("{error}");
            }
        }
        failing = outcome.is_err();
    }
}
