//! One watched server: its lanes take what is due, each in a session of its own, and publish what they find.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use tokio::task::JoinSet;
use tracing::{info, warn};

use super::published::{Published, Reachability, Source};
use super::schedule::{Next, Place, Planned, Schedule, Work};
use super::{Shared, databases};
use crate::collectors::alembic::Applications;
use crate::collectors::{self, Context, Notes};
use crate::config::{Config, Databases, Target};
use crate::metric::Samples;
use crate::postgres::{Budget, Error, ErrorKind, Session};
use crate::state::{self, Memory};

/// One watched server.
pub(super) struct Watched {
    config: Arc<Config>,
    target: Target,
    name: Arc<str>,
    budget: Budget,
    keep_sessions: bool,
    published: Arc<Published>,
    memory: Arc<Memory>,
    applications: Arc<Applications>,
    notes: Notes,
    schedule: Mutex<Schedule>,
    changed: Notify,
}

impl Watched {
    /// A target with the collectors that run on it.
    pub(super) fn new(config: &Arc<Config>, target: &Target, budget: &Budget, shared: &Shared) -> Self {
        let planned: Vec<_> = collectors::ALL.iter().filter_map(|collector| Planned::new(*collector, config)).collect();
        let now = Instant::now();
        let mut schedule = Schedule::new(&planned, now);
        if let Databases::Named(datnames) = &target.databases {
            schedule.set_databases(&datnames.iter().map(|datname| datname.as_str().into()).collect::<Vec<_>>(), now);
        }
        let wanted: usize = config.targets.iter().map(|target| target.max_connections).sum();
        let watched = Self {
            config: Arc::clone(config),
            target: target.clone(),
            name: target.name.as_str().into(),
            budget: budget.target(target.max_connections),
            keep_sessions: wanted <= config.sessions.max_connections,
            published: Arc::clone(&shared.published),
            memory: Arc::clone(&shared.memory),
            applications: Arc::clone(&shared.applications),
            notes: Notes::default(),
            schedule: Mutex::new(schedule),
            changed: Notify::new(),
        };
        watched.expect();
        watched
    }

    /// Its name.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Its connections.
    pub(super) fn budget(&self) -> &Budget {
        &self.budget
    }

    /// Starts its lanes. One serves nothing but the watch, so that no slow query stands in front of it.
    pub(super) fn spawn(self: &Arc<Self>, tasks: &mut JoinSet<()>) {
        let lane = |serves: fn(&Place) -> bool| Arc::clone(self).lane(serves);
        if self.target.max_connections == 1 {
            tasks.spawn(lane(|_| true));
            return;
        }
        tasks.spawn(lane(|place| *place == Place::Watch));
        for _ in 1..self.target.max_connections {
            tasks.spawn(lane(|place| *place != Place::Watch));
        }
    }

    /// Serves every place once, one after the other.
    pub(super) async fn once(&self) {
        let mut session = None;
        let mut served = BTreeSet::new();
        // By then everything is due, whatever was staggered.
        let later = Instant::now() + Duration::from_secs(1);
        loop {
            let next = self.schedule().take(later, |place| !served.contains(place));
            let Next::Work(place, work) = next else { return };
            self.serve(&place, &work, &mut session).await;
            served.insert(place);
        }
    }

    async fn lane(self: Arc<Self>, serves: fn(&Place) -> bool) {
        let mut session = None;
        loop {
            let next = self.schedule().take(Instant::now(), serves);
            match next {
                Next::Work(place, work) => {
                    self.serve(&place, &work, &mut session).await;
                    if !self.keeps(serves) {
                        session = None;
                    }
                    self.changed.notify_waiters();
                }
                Next::Wait(due) => self.wait(due).await,
            }
        }
    }

    /// Whether an idle session is worth keeping: there is room for all of them, and no other place wants this one.
    fn keeps(&self, serves: fn(&Place) -> bool) -> bool {
        let lanes = self.target.max_connections;
        self.keep_sessions && (!serves(&Place::Server) || self.schedule().places() <= lanes)
    }

    async fn wait(&self, due: Option<Instant>) {
        // What changes between the look at the schedule and this wait is met at the latest after a second.
        let longest = Instant::now() + Duration::from_secs(1);
        let until = due.map_or(longest, |due| due.min(longest));
        tokio::select! {
            () = self.changed.notified() => {}
            () = tokio::time::sleep_until(until.into()) => {}
        }
    }

    async fn serve(&self, place: &Place, work: &[Work], session: &mut Option<Session>) {
        for (position, work_item) in work.iter().enumerate() {
            let started = Instant::now();
            let open = match self.reach(place, session).await {
                Ok(open) => open,
                Err(error) => {
                    self.unreachable(place, &work[position..], &error, started.elapsed());
                    return;
                }
            };
            match work_item {
                Work::Discover => self.discover(open).await,
                Work::Collect(planned) => self.collect(place, *planned, open).await,
            }
            let heavy = matches!(work_item, Work::Collect(planned) if planned.collector.profile().heavy);
            if heavy || open.is_broken() {
                *session = None;
            }
        }
        self.schedule().finish(place);
    }

    /// The lane's session where it fits the place, else a new one.
    async fn reach<'a>(&self, place: &Place, session: &'a mut Option<Session>) -> Result<&'a mut Session, Error> {
        let datname = match place {
            Place::Watch | Place::Server => self.target.connection.dbname.as_str(),
            Place::Database(datname) => datname,
        };
        session.take_if(|open| open.is_broken() || open.datname() != datname);
        let open = match session.take() {
            Some(open) => open,
            None => Session::open(&self.target.connection, datname, &self.config.sessions, &self.budget).await?,
        };
        self.note(place, Reachability::up());
        Ok(session.insert(open))
    }

    fn unreachable(&self, place: &Place, work: &[Work], error: &Error, duration: Duration) {
        self.fail(place, work, error, duration);
        let (now, spread) = (Instant::now(), fastrand::f64());
        let elsewhere = match error.kind() {
            ErrorKind::Budget => return self.schedule().postpone(place, now, spread),
            ErrorKind::Connect | ErrorKind::Timeout => self.schedule().fall_silent(place, now, spread),
            _ => return self.schedule().fail(place, now, spread),
        };
        let error = Error::new(error.kind(), "the server does not answer", error);
        for (other, work) in elsewhere {
            self.fail(&other, &work, &error, Duration::ZERO);
        }
    }

    fn fail(&self, place: &Place, work: &[Work], error: &Error, duration: Duration) {
        // Who has no connection to spare knows nothing of the server.
        if error.kind() != ErrorKind::Budget {
            self.note(place, Reachability::down(error.kind(), error.to_string()));
        }
        for planned in work.iter().filter_map(Work::collected) {
            self.published.fail(&self.source(place, planned), error.kind(), error.to_string(), duration);
        }
    }

    /// Publishes whether a place answers, and logs it when that is news.
    fn note(&self, place: &Place, reachability: Reachability) {
        let failure = reachability.failure.clone();
        let (news, datname) = match place {
            Place::Database(datname) => (self.published.database(&self.name, datname, reachability), &**datname),
            // One place speaks for the target, else two that differ would make it flap.
            Place::Server if self.watches() => (false, ""),
            Place::Watch | Place::Server => (self.published.target(&self.name, reachability), ""),
        };
        match failure {
            Some((_, reason)) if news => warn!(target = &*self.name, datname, "unreachable: {reason}"),
            None if news => info!(target = &*self.name, datname, "reachable"),
            _ => {}
        }
    }

    fn watches(&self) -> bool {
        self.schedule().collectors().any(|(place, _)| *place == Place::Watch)
    }

    async fn collect(&self, place: &Place, planned: Planned, session: &mut Session) {
        let source = self.source(place, planned);
        let context = Context {
            config: &self.config,
            memory: &self.memory,
            notes: &self.notes,
            applications: &self.applications,
            target: &self.name,
        };
        let mut samples = Samples::default();
        let started = Instant::now();
        session.start_round(planned.timeout);
        let outcome = planned.collector.collect(context, session, &mut samples).await;
        let duration = started.elapsed();
        match outcome {
            Ok(()) => self.publish(source, samples, duration, planned.interval * self.config.stale_after).await,
            Err(error) => {
                let message = error.to_string();
                if self.published.fail(&source, error.kind(), message.clone(), duration) {
                    let datname = source.datname.as_deref().unwrap_or_default();
                    let (collector, kind) = (source.collector, error.kind().label());
                    warn!(target = &*self.name, datname, collector, kind, "round failed: {message}");
                }
            }
        }
    }

    /// Encodes and compresses off the threads that serve scrapes.
    async fn publish(&self, source: Source, samples: Samples, duration: Duration, lifetime: Duration) {
        let published = Arc::clone(&self.published);
        let publish = move || published.succeed(&source, samples, duration, lifetime, state::now());
        // It fails only when the exporter stops, which also ends this lane.
        let _ = tokio::task::spawn_blocking(publish).await;
    }

    async fn discover(&self, session: &mut Session) {
        if let Databases::Named(_) = self.target.databases {
            return;
        }
        session.start_round(self.config.sessions.connect_timeout);
        match databases::discover(session, &self.target.databases).await {
            Ok(datnames) => {
                let datnames: Vec<_> = datnames.into_iter().map(Arc::from).collect();
                self.schedule().set_databases(&datnames, Instant::now());
                let own = self.sources();
                self.published.retain(|_| true, |source| source.target != self.name || own.contains_key(source));
                self.expect();
            }
            Err(error) => warn!(target = &*self.name, "databases could not be listed, the known ones stay: {error}"),
        }
    }

    /// Makes every collector visible before its first round, so that readiness knows what to wait for.
    fn expect(&self) {
        for (source, interval) in self.sources() {
            self.published.expect(&source, interval);
        }
    }

    /// What runs here, and how often.
    fn sources(&self) -> BTreeMap<Source, Duration> {
        let source = |(place, planned): (&Place, Planned)| (self.source(place, planned), planned.interval);
        self.schedule().collectors().map(source).collect()
    }

    fn source(&self, place: &Place, planned: Planned) -> Source {
        let datname = match place {
            Place::Watch | Place::Server => None,
            Place::Database(datname) => Some(Arc::clone(datname)),
        };
        Source { target: Arc::clone(&self.name), datname, collector: planned.collector.profile().name }
    }

    fn schedule(&self) -> MutexGuard<'_, Schedule> {
        self.schedule.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
