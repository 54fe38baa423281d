//! What is due where: pure, it is told the time.

use std::collections::{BTreeMap, BTreeSet};
use std::iter;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::backoff::Backoff;
use crate::collectors::{Collector, Scope};
use crate::config::{CollectorSettings, Config};

/// Where a session must be to do something. Each place is served by one lane at a time, so that no collector ever
/// runs twice at once on the same database.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    /// The target's own database, in a session that serves nothing else.
    Watch,
    /// The target's own database.
    Server,
    /// A watched database.
    Database(Arc<str>),
}

/// Something to do at a place.
#[derive(Clone, Copy)]
pub(super) enum Work {
    /// Find the databases of the server, unless they are named.
    Discover,
    /// Run one round of a collector.
    Collect(Planned),
}

impl Work {
    /// The collector to run, if it is one.
    pub(super) fn collected(&self) -> Option<Planned> {
        match self {
            Self::Discover => None,
            Self::Collect(planned) => Some(*planned),
        }
    }
}

/// A collector with its schedule.
#[derive(Clone, Copy)]
pub(super) struct Planned {
    pub(super) collector: &'static dyn Collector,
    pub(super) interval: Duration,
    pub(super) timeout: Duration,
}

impl Planned {
    /// The collector with the user's settings over its own; `None` if it is switched off.
    pub(super) fn new(collector: &'static dyn Collector, config: &Config) -> Option<Self> {
        let profile = collector.profile();
        let settings = config.collectors.get(profile.name).copied().unwrap_or_default();
        let CollectorSettings { enabled, interval, timeout } = settings;
        let interval = interval.unwrap_or(profile.interval);
        // A shortened interval shortens the time-out with it: a round never outlasts its interval.
        let timeout = timeout.unwrap_or(profile.timeout).min(interval);
        enabled.unwrap_or(true).then_some(Self { collector, interval, timeout })
    }

    fn scope(&self) -> Scope {
        self.collector.profile().scope
    }
}

/// How often the databases of a server are looked up.
const DISCOVERY_INTERVAL: Duration = Duration::from_secs(30);

/// Between the first rounds of two collectors at one place.
const STAGGER: Duration = Duration::from_millis(50);

struct Entry {
    work: Work,
    interval: Duration,
    due: Instant,
}

struct Plan {
    entries: Vec<Entry>,
    busy: bool,
    backoff: Backoff,
    not_before: Instant,
}

impl Plan {
    /// Leaves the place alone for a while; then all of it is due.
    fn rest(&mut self, until: Instant) {
        self.not_before = self.not_before.max(until);
        for entry in &mut self.entries {
            entry.due = entry.due.min(self.not_before);
        }
    }

    fn due(&self, now: Instant) -> Vec<Work> {
        self.entries.iter().filter(|entry| entry.due <= now).map(|entry| entry.work).collect()
    }

    fn next_due(&self) -> Option<Instant> {
        let due = self.entries.iter().map(|entry| entry.due).min()?;
        Some(due.max(self.not_before))
    }
}

/// What to do next.
pub(super) enum Next {
    /// This work, at this place, which is busy until `finish` or `fail` is called.
    Work(Place, Vec<Work>),
    /// Nothing before this time, or until something changes.
    Wait(Option<Instant>),
}

/// The plan of one target.
pub(super) struct Schedule {
    plans: BTreeMap<Place, Plan>,
    per_database: Vec<Planned>,
    /// Places that did not answer since one of them last did.
    silent: BTreeSet<Place>,
    backoff: Backoff,
}

impl Schedule {
    /// The plan for a target whose databases are not known yet. The server is visited whatever is collected there, so that
    /// something tells whether it answers.
    pub(super) fn new(planned: &[Planned], now: Instant) -> Self {
        let of = |scope| planned.iter().filter(move |planned| planned.scope() == scope).copied();
        let mut schedule = Self {
            plans: BTreeMap::new(),
            per_database: of(Scope::Database).collect(),
            silent: BTreeSet::new(),
            backoff: Backoff::default(),
        };
        let discovery = (Work::Discover, DISCOVERY_INTERVAL);
        let collect = |planned: Planned| (Work::Collect(planned), planned.interval);
        schedule.add(Place::Watch, of(Scope::Watch).map(collect).collect(), now);
        schedule.add(Place::Server, iter::once(discovery).chain(of(Scope::Server).map(collect)).collect(), now);
        schedule
    }

    fn add(&mut self, place: Place, work: Vec<(Work, Duration)>, now: Instant) {
        if work.is_empty() {
            return;
        }
        let stagger = (0..).map(|step| now + STAGGER * step);
        let entries =
            work.into_iter().zip(stagger).map(|((work, interval), due)| Entry { work, interval, due }).collect();
        self.plans.insert(place, Plan { entries, busy: false, backoff: Backoff::default(), not_before: now });
    }

    /// Sets the watched databases: new ones are due at once, the ones that are gone are forgotten.
    pub(super) fn set_databases(&mut self, datnames: &[Arc<str>], now: Instant) {
        self.plans.retain(|place, _| match place {
            Place::Database(datname) => datnames.contains(datname),
            Place::Watch | Place::Server => true,
        });
        for datname in datnames {
            let place = Place::Database(Arc::clone(datname));
            if !self.plans.contains_key(&place) {
                let work = self.per_database.iter().map(|planned| (Work::Collect(*planned), planned.interval));
                self.add(place, work.collect(), now);
            }
        }
    }

    /// Every collector with its place.
    pub(super) fn collectors(&self) -> impl Iterator<Item = (&Place, Planned)> {
        self.plans.iter().flat_map(|(place, plan)| {
            plan.entries.iter().filter_map(move |entry| Some((place, entry.work.collected()?)))
        })
    }

    /// The number of places.
    pub(super) fn places(&self) -> usize {
        self.plans.len()
    }

    /// Takes what is due at one of the places that `serves` allows: the one that has waited longest.
    pub(super) fn take(&mut self, now: Instant, serves: impl Fn(&Place) -> bool) -> Next {
        let one_at_a_time = !self.silent.is_empty();
        let occupied = one_at_a_time && self.plans.iter().any(|(place, plan)| *place != Place::Watch && plan.busy);
        let serves = |place: &Place| serves(place) && (*place == Place::Watch || !occupied);
        let idle = self.plans.iter_mut().filter(|(place, plan)| serves(place) && !plan.busy);
        let Some((due, place, plan)) =
            idle.filter_map(|(place, plan)| Some((plan.next_due()?, place, plan))).min_by_key(|(due, ..)| *due)
        else {
            return Next::Wait(None);
        };
        if due > now {
            return Next::Wait(Some(due));
        }
        plan.busy = true;
        let due = plan.entries.iter_mut().filter(|entry| entry.due <= now);
        let work = due.map(|entry| {
            entry.due = now + entry.interval;
            entry.work
        });
        Next::Work(place.clone(), work.collect())
    }

    /// Frees a place whose session served.
    pub(super) fn finish(&mut self, place: &Place) {
        if let Some(plan) = self.plans.get_mut(place) {
            plan.busy = false;
            plan.backoff.succeed();
        }
        if *place != Place::Watch {
            self.silent.clear();
            self.backoff.succeed();
        }
    }

    /// Frees a place that could not be reached: all of it is due again after a while.
    pub(super) fn fail(&mut self, place: &Place, now: Instant, spread: f64) {
        if let Some(plan) = self.plans.get_mut(place) {
            plan.busy = false;
            let wait = plan.backoff.fail(spread);
            plan.rest(now + wait);
        }
    }

    /// Frees a place that there was no connection for. That says nothing of the server, so the wait does not grow.
    pub(super) fn postpone(&mut self, place: &Place, now: Instant, spread: f64) {
        if let Some(plan) = self.plans.get_mut(place) {
            plan.busy = false;
            plan.rest(now + Backoff::default().fail(spread));
        }
    }

    /// As `fail`, of a place that did not even answer. An attempt to reach it holds a connection of the exporter for long,
    /// so until one answers, its lanes try one place at a time. When the server and a database of it are silent, so is
    /// everything there: all of it rests between two attempts. Returns what was due elsewhere, which fails as well.
    pub(super) fn fall_silent(&mut self, place: &Place, now: Instant, spread: f64) -> Vec<(Place, Vec<Work>)> {
        self.fail(place, now, spread);
        if *place == Place::Watch {
            return Vec::new();
        }
        self.silent.insert(place.clone());
        if !self.silent.contains(&Place::Server) || self.silent.len() < 2 {
            return Vec::new();
        }
        let until = now + self.backoff.fail(spread);
        let mut elsewhere = Vec::new();
        for (other, plan) in self.plans.iter_mut().filter(|(other, plan)| **other != Place::Watch && !plan.busy) {
            if other != place {
                elsewhere.push((other.clone(), plan.due(now)));
            }
            plan.rest(until);
        }
        elsewhere.retain(|(_, work)| !work.is_empty());
        elsewhere
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collectors;

    fn planned() -> Vec<Planned> {
        let plan = |collector: &&'static dyn Collector| Planned {
            collector: *collector,
            interval: collector.profile().interval,
            timeout: collector.profile().timeout,
        };
        collectors::ALL.iter().map(plan).collect()
    }

    fn schedule(now: Instant) -> Schedule {
        Schedule::new(&planned(), now)
    }

    fn take(schedule: &mut Schedule, now: Instant) -> Option<(Place, usize)> {
        match schedule.take(now, |place| *place != Place::Watch) {
            Next::Work(place, work) => Some((place, work.len())),
            Next::Wait(_) => None,
        }
    }

    const LATER: Duration = Duration::from_secs(2);

    #[test]
    fn a_busy_place_is_not_served_twice() {
        let now = Instant::now();
        let mut schedule = schedule(now);
        let (place, _) = take(&mut schedule, now + LATER).unwrap();
        assert_eq!(place, Place::Server);
        assert!(take(&mut schedule, now + LATER * 100).is_none());
        schedule.finish(&place);
        assert!(take(&mut schedule, now + LATER * 100).is_some());
    }

    #[test]
    fn first_rounds_are_staggered() {
        let now = Instant::now();
        let mut schedule = schedule(now);
        assert_eq!(take(&mut schedule, now), Some((Place::Server, 1)));
    }

    #[test]
    fn a_new_database_is_due_at_once_and_a_dropped_one_is_forgotten() {
        let now = Instant::now();
        let mut schedule = schedule(now);
        take(&mut schedule, now + LATER);
        schedule.set_databases(&["app".into(), "shop".into()], now);
        assert!(matches!(take(&mut schedule, now + LATER), Some((Place::Database(name), _)) if &*name == "app"));
        schedule.set_databases(&["app".into()], now);
        assert!(take(&mut schedule, now + LATER).is_none(), "app is busy and shop is gone");
    }

    #[test]
    fn a_place_that_failed_is_left_alone_and_then_whole_again() {
        let now = Instant::now();
        let mut schedule = schedule(now);
        let (place, all) = take(&mut schedule, now + LATER).unwrap();
        schedule.fail(&place, now + LATER, 1.0);
        assert!(take(&mut schedule, now + LATER).is_none());
        assert_eq!(take(&mut schedule, now + LATER * 2), Some((place, all)));
    }

    #[test]
    fn a_server_that_is_silent_is_tried_at_one_place_at_a_time_and_rests_in_between() {
        let now = Instant::now();
        let mut schedule = schedule(now);
        schedule.set_databases(&["app".into(), "shop".into()], now);
        let (server, _) = take(&mut schedule, now + LATER).unwrap();
        assert!(schedule.fall_silent(&server, now + LATER, 1.0).is_empty(), "the databases may still answer");
        let (database, _) = take(&mut schedule, now + LATER).unwrap();
        assert!(take(&mut schedule, now + LATER).is_none(), "one is tried");
        let elsewhere = schedule.fall_silent(&database, now + LATER, 1.0);
        assert!(matches!(elsewhere.as_slice(), [(Place::Database(name), _)] if &**name == "shop"));
        assert!(take(&mut schedule, now + LATER).is_none(), "all of them rest");
        let (place, _) = take(&mut schedule, now + LATER * 2).unwrap();
        schedule.finish(&place);
        assert!(take(&mut schedule, now + LATER * 2).is_some());
        assert!(take(&mut schedule, now + LATER * 2).is_some(), "what answers is served by all lanes");
    }

    #[test]
    fn a_place_that_waits_for_a_connection_never_waits_longer() {
        let now = Instant::now();
        let mut schedule = schedule(now);
        for round in 1..5 {
            let (place, _) = take(&mut schedule, now + LATER * round).unwrap();
            schedule.postpone(&place, now + LATER * round, 1.0);
        }
    }

    #[test]
    fn databases_that_are_silent_alone_do_not_stop_the_others() {
        let now = Instant::now();
        let mut schedule = schedule(now);
        let (server, _) = take(&mut schedule, now + LATER).unwrap();
        schedule.finish(&server);
        schedule.set_databases(&["app".into(), "bad".into(), "worse".into()], now);
        let (good, _) = take(&mut schedule, now + LATER).unwrap();
        for _ in ["bad", "worse"] {
            let (place, _) = take(&mut schedule, now + LATER).unwrap();
            schedule.finish(&good);
            assert!(schedule.fall_silent(&place, now + LATER, 1.0).is_empty());
        }
    }

    #[test]
    fn work_is_due_again_an_interval_after_it_started() {
        let now = Instant::now();
        let mut schedule = schedule(now);
        let (place, _) = take(&mut schedule, now + LATER).unwrap();
        schedule.finish(&place);
        assert!(matches!(
            schedule.take(now + LATER, |place| *place == Place::Server),
            Next::Wait(Some(due)) if due == now + LATER + DISCOVERY_INTERVAL
        ));
    }
}
