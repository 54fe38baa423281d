//! One collector, run as the exporter runs it, without the exporter.

use pgwarden::collectors::alembic::Applications;
use pgwarden::collectors::{self, Collector, Context, Notes};
use pgwarden::config::{Config, Environment};
use pgwarden::metric::{Definition, Sample, Samples, Value};
use pgwarden::postgres::{Budget, Error, Session};
use pgwarden::state::Memory;

use super::{Cluster, Database, Role};

/// A session of ours with what collectors remember.
pub struct Watcher {
    /// The configuration that the next round sees.
    pub config: Config,
    datname: String,
    memory: Memory,
    notes: Notes,
    applications: Applications,
    session: Session,
}

/// What one round of a collector found.
#[derive(Debug)]
pub struct Round {
    metrics: &'static [&'static Definition],
    samples: Samples,
}

impl Watcher {
    /// A session with a test's database.
    pub async fn open(database: &Database<'_>, role: Role) -> Self {
        Self::open_on(database.cluster, role, &database.name).await
    }

    /// A session with any database. It would rather fail its round than give up waiting for a lock.
    pub async fn open_on(cluster: &Cluster, role: Role, datname: &str) -> Self {
        let mut config = Config::for_connection(&*cluster.url(role, datname), &Environment::of([])).unwrap();
        config.sessions.lock_timeout = super::PATIENCE;
        let session = session(&config, datname).await;
        let (memory, notes, applications) = Default::default();
        Self { config, datname: datname.to_owned(), memory, notes, applications, session }
    }

    /// Takes a new session, with what the configuration now says about sessions.
    pub async fn reopen(&mut self) {
        self.session = session(&self.config, &self.datname).await;
    }

    /// Looks at the revisions of the applications that the configuration now has.
    pub async fn look(&mut self) {
        self.applications.configure(&self.config.alembic);
        self.applications.look().await;
    }

    /// A round that must succeed.
    pub async fn round(&mut self, collector: &str) -> Round {
        self.try_round(collector).await.unwrap_or_else(|error| panic!("{collector}: {error}"))
    }

    /// A round.
    pub async fn try_round(&mut self, collector: &str) -> Result<Round, Error> {
        let collector = collectors::ALL.iter().find(|known| known.profile().name == collector).unwrap();
        let profile = collector.profile();
        let context = Context {
            config: &self.config,
            memory: &self.memory,
            notes: &self.notes,
            applications: &self.applications,
            target: "test",
        };
        let mut samples = Samples::default();
        let settings = self.config.collectors.get(profile.name).copied().unwrap_or_default();
        self.session.start_round(settings.timeout.unwrap_or(profile.timeout));
        collector.collect(context, &mut self.session, &mut samples).await?;
        Ok(Round { metrics: profile.metrics, samples })
    }
}

async fn session(config: &Config, datname: &str) -> Session {
    let connection = &config.targets[0].connection;
    Session::open(connection, datname, &config.sessions, &Budget::exporter(1)).await.unwrap()
}

impl Round {
    /// The number of one series, where it exists.
    pub fn number(&self, metric: &str, labels: &[&str]) -> Option<f64> {
        self.samples.number(self.definition(metric), labels)
    }

    /// How many things have no series of their own because of a bound.
    pub fn left_out(&self) -> u64 {
        self.samples.left_out()
    }

    /// How many observations the histogram without labels holds.
    pub fn observations(&self, metric: &str) -> u64 {
        match &self.series(metric)[0].value {
            Value::Histogram(histogram) => histogram.count(),
            Value::Number(_) => panic!("{metric} is no histogram"),
        }
    }

    /// All series of a metric.
    pub fn series(&self, metric: &str) -> Vec<Sample> {
        let definition = self.definition(metric);
        let mut families = self.samples.clone().into_families().into_iter();
        families
            .find(|family| std::ptr::eq(family.definition, definition))
            .map_or_else(Vec::new, |family| family.samples)
    }

    fn definition(&self, metric: &str) -> &'static Definition {
        self.metrics.iter().find(|definition| definition.name == metric).unwrap()
    }
}
