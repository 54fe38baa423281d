//! What is watched, in the order in which the page shows it: targets, their places, and what does not work there.

use std::collections::BTreeMap;

use super::words::{Standing, ago, duration, number};
use crate::runner::{Overview, Reachability, Rounds, Source};

/// Up to this many rounds are shown unfolded.
const UNFOLDED: usize = 60;

/// Places of one problem that are named; the rest is counted.
pub(super) const MAX_PLACES: usize = 5;

/// A number at the top.
pub(super) struct Tile {
    pub(super) what: &'static str,
    pub(super) number: String,
    pub(super) of: Option<String>,
    pub(super) class: &'static str,
}

/// Something that does not work, in the same way in one place or in many.
#[derive(Debug)]
pub(super) struct Problem<'a> {
    pub(super) what: What<'a>,
    /// Up to [`MAX_PLACES`] of them.
    pub(super) places: Vec<String>,
    pub(super) more_places: usize,
}

/// What does not work, and why: the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum What<'a> {
    TargetDown { reason: &'a str },
    DatabaseDown { reason: &'a str },
    Failing { collector: &'static str, kind: &'static str, reason: &'a str },
    Unclear { reason: &'a str },
}

/// One target with its places, itself first.
pub(super) struct Target<'a> {
    pub(super) name: &'a str,
    pub(super) places: Vec<Place<'a>>,
    pub(super) unfolded: bool,
}

/// The target as a whole (`datname` is `None`) or one of its databases.
pub(super) struct Place<'a> {
    pub(super) datname: Option<&'a str>,
    reachability: Option<&'a Reachability>,
    pub(super) rows: Vec<Row<'a>>,
}

/// One collector in one place.
pub(super) struct Row<'a> {
    pub(super) collector: &'static str,
    pub(super) rounds: &'a Rounds,
    now: f64,
}

/// What several rounds come to.
#[derive(Clone, Copy, Default)]
pub(super) struct Sum {
    rounds: usize,
    good: usize,
    bad: usize,
    pub(super) series: usize,
    pub(super) left_out: u64,
    oldest: Option<f64>,
}

/// All targets by name, with everything that is known of them.
pub(super) fn targets(overview: &Overview, now: f64) -> Vec<Target<'_>> {
    let place = |datname, reachability| Place { datname, reachability, rows: Vec::new() };
    let mut places: BTreeMap<(&str, Option<&str>), Place<'_>> = BTreeMap::new();
    for (target, reachability) in &overview.targets {
        places.insert((target, None), place(None, Some(reachability)));
    }
    for ((target, datname), reachability) in &overview.databases {
        places.insert((target, Some(datname)), place(Some(&**datname), Some(reachability)));
    }
    for (Source { target, datname, collector }, rounds) in &overview.rounds {
        let datname = datname.as_deref();
        let place = places.entry((target, datname)).or_insert_with(|| place(datname, None));
        place.rows.push(Row { collector, rounds, now });
    }
    let mut targets: Vec<Target<'_>> = Vec::new();
    for ((name, _), place) in places {
        match targets.last_mut().filter(|target| target.name == name) {
            Some(target) => target.places.push(place),
            None => targets.push(Target { name, places: vec![place], unfolded: overview.rounds.len() <= UNFOLDED }),
        }
    }
    targets
}

/// What does not work, with the place of each: each reason once.
pub(super) fn problems<'a>(found: impl IntoIterator<Item = (What<'a>, String)>) -> Vec<Problem<'a>> {
    let mut places: BTreeMap<What<'a>, Vec<String>> = BTreeMap::new();
    for (what, place) in found {
        places.entry(what).or_default().push(place);
    }
    let problem = |(what, mut places): (_, Vec<String>)| {
        let more_places = places.len().saturating_sub(MAX_PLACES);
        places.truncate(MAX_PLACES);
        Problem { what, places, more_places }
    };
    places.into_iter().map(problem).collect()
}

pub(super) fn tiles(overview: &Overview, targets: &[Target<'_>]) -> [Tile; 4] {
    let sum = Sum::of(targets.iter().flat_map(Target::rows));
    let up = |reachability: &&Reachability| reachability.up == Some(true);
    let share = |what, good: usize, all: usize| {
        let class = if good == all { Standing::GOOD } else { Standing::BAD };
        Tile { what, number: number(good), of: Some(number(all)), class }
    };
    let (databases, targets) = (&overview.databases, &overview.targets);
    [
        share("targets up", targets.values().filter(up).count(), targets.len()),
        share("databases up", databases.values().filter(up).count(), databases.len()),
        share("collectors succeed", sum.good, sum.rounds),
        Tile { what: "series", number: number(sum.series), of: None, class: "" },
    ]
}

impl<'a> Target<'a> {
    pub(super) fn rows(&self) -> impl Iterator<Item = &Row<'a>> {
        self.places.iter().flat_map(|place| &place.rows)
    }

    pub(super) fn sum(&self) -> Sum {
        Sum::of(self.rows())
    }

    pub(super) fn databases(&self) -> usize {
        self.places.iter().filter(|place| place.datname.is_some()).count()
    }

    pub(super) fn is_down(&self) -> bool {
        self.places.iter().any(|place| place.datname.is_none() && place.is_down())
    }

    pub(super) fn standing(&self) -> Standing {
        let down = self.places.iter().filter(|place| place.is_down()).count();
        if self.is_down() {
            return Standing::new(Standing::BAD, "down");
        }
        if down > 0 {
            let plural = if down == 1 { "" } else { "s" };
            return Standing::new(Standing::BAD, format!("{down} database{plural} down"));
        }
        self.sum().standing(self.places.iter().any(Place::is_unknown))
    }

    /// What does not work, and where: of a target or a database that is down, that alone.
    pub(super) fn problems(&self) -> Vec<(What<'a>, String)> {
        let is_down = self.is_down();
        let places = self.places.iter().filter(|place| !is_down || place.datname.is_none());
        let named = |place: &Place<'a>| match place.datname {
            Some(datname) => format!("{} / {datname}", self.name),
            None => self.name.to_owned(),
        };
        places.flat_map(|place| place.problems().into_iter().map(move |what| (what, named(place)))).collect()
    }
}

impl<'a> Place<'a> {
    pub(super) fn sum(&self) -> Sum {
        Sum::of(&self.rows)
    }

    pub(super) fn is_down(&self) -> bool {
        self.reachability.is_some_and(|reachability| reachability.up == Some(false))
    }

    pub(super) fn is_unknown(&self) -> bool {
        self.reachability.is_some_and(|reachability| reachability.up.is_none())
    }

    pub(super) fn reason(&self) -> &'a str {
        let failure = self.reachability.and_then(|reachability| reachability.failure.as_ref());
        failure.map_or("", |(_, reason)| reason)
    }

    pub(super) fn standing(&self) -> Standing {
        if self.is_down() {
            return Standing::new(Standing::BAD, "down");
        }
        self.sum().standing(self.is_unknown())
    }

    pub(super) fn problems(&self) -> Vec<What<'a>> {
        let reason = self.reason();
        match self.datname {
            None if self.is_down() => return vec![What::TargetDown { reason }],
            Some(_) if self.is_down() => return vec![What::DatabaseDown { reason }],
            _ => {}
        }
        let failing = |row: &Row<'a>| {
            let (kind, reason) = row.rounds.failure.as_ref()?;
            Some(What::Failing { collector: row.collector, kind: kind.label(), reason })
        };
        self.rows.iter().filter_map(failing).collect()
    }
}

impl Row<'_> {
    pub(super) fn standing(&self) -> Standing {
        match (self.rounds.succeeded, &self.rounds.failure) {
            (Some(true), _) => Standing::new(Standing::GOOD, "ok"),
            (Some(false), Some((kind, _))) => Standing::new(Standing::BAD, kind.label()),
            (Some(false), None) => Standing::new(Standing::BAD, "failed"),
            (None, _) => Standing::new(Standing::WAITING, "first round"),
        }
    }

    pub(super) fn reason(&self) -> &str {
        self.rounds.failure.as_ref().map_or("", |(_, reason)| reason)
    }

    pub(super) fn age(&self) -> Option<f64> {
        self.rounds.last_success.map(|at| self.now - at)
    }

    pub(super) fn ago(&self) -> String {
        ago(self.age())
    }

    pub(super) fn took(&self) -> String {
        if self.rounds.succeeded.is_some() { duration(self.rounds.duration) } else { String::new() }
    }
}

impl Sum {
    pub(super) fn of<'a>(rows: impl IntoIterator<Item = &'a Row<'a>>) -> Self {
        rows.into_iter().fold(Self::default(), |sum, row| Self {
            rounds: sum.rounds + 1,
            good: sum.good + usize::from(row.rounds.succeeded == Some(true)),
            bad: sum.bad + usize::from(row.rounds.succeeded == Some(false)),
            series: sum.series + row.rounds.series,
            left_out: sum.left_out + row.rounds.left_out,
            oldest: sum.oldest.into_iter().chain(row.age()).reduce(f64::max),
        })
    }

    /// Of the oldest values; nothing where there are none.
    pub(super) fn ago(&self) -> String {
        self.oldest.map_or_else(String::new, |seconds| ago(Some(seconds)))
    }

    pub(super) fn standing(&self, unknown: bool) -> Standing {
        if self.bad > 0 {
            Standing::new(Standing::BAD, format!("{} failing", self.bad))
        } else if unknown || self.good < self.rounds {
            Standing::new(Standing::WAITING, "first round")
        } else {
            Standing::new(Standing::GOOD, "up")
        }
    }
}
