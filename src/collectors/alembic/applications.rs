//! What the code of every application expects, looked at again and again without holding anybody up.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

use tokio::sync::watch;
use tracing::{info, warn};

use crate::alembic::graph::Graph;
use crate::alembic::judge::{Undecidable, decidable};
use crate::alembic::operations::Operations;
use crate::alembic::scripts::Scripts;
use crate::config;
use crate::state;

/// How long a round waits for the first look at an application's revisions.
const FIRST_LOOK: Duration = Duration::from_secs(3);

/// The applications of the configuration, with what they expect. Outlives a reload.
#[derive(Debug, Default)]
pub struct Applications(Mutex<BTreeMap<String, Arc<Application>>>);

/// One application.
#[derive(Debug)]
pub struct Application {
    /// Its configuration, of which only the patterns may change while it lives.
    config: config::Application,
    scripts: Mutex<Scripts>,
    expectation: watch::Sender<Option<Arc<Expectation>>>,
}

/// What was found at the last look.
#[derive(Clone, Debug, Default)]
pub struct Expectation {
    /// The revisions, the last ones that could be read; `None` if none ever could.
    pub graph: Option<Arc<Graph>>,
    /// What they do.
    pub operations: Arc<Operations>,
    /// Unix time at which the newest of the files was modified.
    pub modified: Option<f64>,
    /// Unix time of the last look that succeeded.
    pub read: Option<f64>,
    /// Why the last look did not succeed.
    pub failure: Option<String>,
}

impl Expectation {
    /// Why no version table can be judged by it, or why it may be out of date.
    pub fn error(&self) -> Option<String> {
        let undecidable = || decidable(self.graph.as_deref()?).err().map(|reason| reason.to_string());
        self.failure.clone().or_else(undecidable)
    }
}

impl Applications {
    /// Takes the applications of a configuration over. Those whose source stays keep what is known of it.
    pub fn configure(&self, config: &config::Alembic) {
        let mut applications = self.lock();
        let mut known = std::mem::take(&mut *applications);
        for config in &config.applications {
            let same =
                |known: &Arc<Application>| known.config.source == config.source && known.config.heads == config.heads;
            let kept = known.remove(&config.name).filter(same);
            let application = kept.unwrap_or_else(|| Arc::new(Application::new(config)));
            applications.insert(config.name.clone(), application);
        }
    }

    /// Every application, by name.
    pub fn all(&self) -> Vec<Arc<Application>> {
        self.lock().values().cloned().collect()
    }

    /// Looks at each application once.
    pub async fn look(&self) {
        for application in self.all() {
            application.look().await;
        }
    }

    /// What an application expects; `None` while nobody has looked, for which this waits a little.
    pub(super) async fn expectation(&self, name: &str) -> Option<Arc<Expectation>> {
        let application = self.lock().get(name).cloned()?;
        let mut expectation = application.expectation.subscribe();
        let looked_at = expectation.wait_for(Option::is_some);
        tokio::time::timeout(FIRST_LOOK, looked_at).await.ok()?.ok()?.clone()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Application>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Application {
    fn new(config: &config::Application) -> Self {
        Self {
            config: config.clone(),
            scripts: Mutex::new(Scripts::new(config.source.clone())),
            expectation: watch::Sender::new(None),
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.config.name
    }

    /// How many effective heads the code is meant to have.
    pub fn heads(&self) -> usize {
        self.config.heads
    }

    /// What it expects; `None` before the first look.
    pub fn expectation(&self) -> Option<Arc<Expectation>> {
        self.expectation.borrow().clone()
    }

    /// Looks again and again.
    pub async fn watch(self: Arc<Self>, interval: Duration) {
        loop {
            self.look().await;
            tokio::time::sleep(interval).await;
        }
    }

    /// Looks at its revisions once, on a thread that may block.
    async fn look(self: &Arc<Self>) {
        let application = Arc::clone(self);
        // It fails only when the exporter stops.
        let _ = tokio::task::spawn_blocking(move || application.look_now()).await;
    }

    fn look_now(&self) {
        let mut scripts = self.scripts.lock().unwrap_or_else(PoisonError::into_inner);
        let before = self.expectation().unwrap_or_default();
        let found = match scripts.refresh() {
            Ok(graph) => self.found(&before, graph, &scripts),
            Err(error) => self.not_found(&before, error.to_string()),
        };
        self.expectation.send_replace(Some(Arc::new(found)));
    }

    fn found(&self, before: &Expectation, graph: Arc<Graph>, scripts: &Scripts) -> Expectation {
        let unchanged = before.graph.as_ref().is_some_and(|known| Arc::ptr_eq(known, &graph));
        let standing = standing(&graph);
        if before.failure.is_some() || before.graph.as_deref().map(self::standing).as_ref() != Some(&standing) {
            match &standing {
                Ok(heads) => info!(application = self.name(), heads, "revisions read"),
                Err(reason) => warn!(application = self.name(), "no database can be compared with it: {reason}"),
            }
        }
        let operations = if unchanged {
            Arc::clone(&before.operations)
        } else {
            Arc::new(Operations::read(scripts, &before.operations))
        };
        let modified = scripts.modified().and_then(|modified| modified.duration_since(UNIX_EPOCH).ok());
        Expectation {
            graph: Some(graph),
            operations,
            modified: modified.map(|modified| modified.as_secs_f64()),
            read: Some(state::now()),
            failure: None,
        }
    }

    /// The last good revisions stay.
    fn not_found(&self, before: &Expectation, failure: String) -> Expectation {
        if before.failure.as_ref() != Some(&failure) {
            warn!(application = self.name(), "its revisions cannot be read, the last known ones stay: {failure}");
        }
        Expectation { failure: Some(failure), ..before.clone() }
    }
}

/// The effective heads, or why no database can be judged.
fn standing(graph: &Graph) -> Result<String, Undecidable> {
    decidable(graph).map(|()| graph.sorted_ids(graph.effective_heads()).join(", "))
}
