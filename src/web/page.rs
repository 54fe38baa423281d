//! The page at `/`: what is watched and with which success, for a person.

mod application;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use axum::extract::State as Extract;
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};

use self::application::Application;
use super::State;
use crate::runner::{Overview, Reachability, Rounds, Source};
use crate::state;

/// Up to this many rounds are shown unfolded.
const UNFOLDED: usize = 60;

/// Problems that are listed at the top; the rest is counted.
const MAX_PROBLEMS: usize = 20;

/// Places of one problem that are named; the rest is counted.
const MAX_PLACES: usize = 5;

/// The page holds its style and nothing else: no script, no image, no form, no frame around it.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; \
                      form-action 'none'; frame-ancestors 'none'";

/// Answers `/`.
pub(super) async fn show(Extract(state): Extract<Arc<State>>) -> Response {
    let now = state::now();
    let overview = state.published.overview();
    let applications = Application::all(&state.applications, now);
    match Page::new(&overview, &applications, now, state.instruments.started()).render() {
        Ok(page) => ([(header::CONTENT_SECURITY_POLICY, POLICY)], Html(page)).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response(),
    }
}

/// The page; the template escapes every value.
#[derive(Template)]
#[template(path = "overview.html", config = "src/web/askama.toml")]
struct Page<'a> {
    version: &'static str,
    uptime: String,
    targets: Vec<Target<'a>>,
    applications: &'a [Application],
    tiles: [Tile; 4],
    problems: Vec<Problem<'a>>,
    more_problems: usize,
}

/// A number at the top.
struct Tile {
    what: &'static str,
    number: String,
    of: Option<String>,
    class: &'static str,
}

/// Something that does not work, in the same way in one place or in many.
#[derive(Debug)]
struct Problem<'a> {
    what: What<'a>,
    /// Up to [`MAX_PLACES`] of them.
    places: Vec<String>,
    more_places: usize,
}

/// What does not work, and why: the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum What<'a> {
    TargetDown { reason: &'a str },
    DatabaseDown { reason: &'a str },
    Failing { collector: &'static str, kind: &'static str, reason: &'a str },
    Unclear { reason: &'a str },
}

/// One target with its places, itself first.
struct Target<'a> {
    name: &'a str,
    places: Vec<Place<'a>>,
    unfolded: bool,
}

/// The target as a whole (`datname` is `None`) or one of its databases.
struct Place<'a> {
    datname: Option<&'a str>,
    reachability: Option<&'a Reachability>,
    rows: Vec<Row<'a>>,
}

/// One collector in one place.
struct Row<'a> {
    collector: &'static str,
    rounds: &'a Rounds,
    now: f64,
}

/// What several rounds come to.
#[derive(Clone, Copy, Default)]
struct Sum {
    rounds: usize,
    good: usize,
    bad: usize,
    series: usize,
    left_out: u64,
    oldest: Option<f64>,
}

/// How something stands, in a word and the class of its mark.
struct Standing {
    class: &'static str,
    word: String,
}

impl Standing {
    const GOOD: &str = "good";
    const WAITING: &str = "waiting";
    const BAD: &str = "bad";

    fn new(class: &'static str, word: impl Into<String>) -> Self {
        Self { class, word: word.into() }
    }
}

impl<'a> Page<'a> {
    fn new(overview: &'a Overview, applications: &'a [Application], now: f64, started: f64) -> Self {
        let targets = targets(overview, now);
        let mut problems = problems(&targets, applications);
        let more_problems = problems.len().saturating_sub(MAX_PROBLEMS);
        problems.truncate(MAX_PROBLEMS);
        let tiles = tiles(overview, &targets);
        let (version, uptime) = (env!("CARGO_PKG_VERSION"), age(now - started));
        Self { version, uptime, targets, applications, tiles, problems, more_problems }
    }
}

/// All targets by name, with everything that is known of them.
fn targets(overview: &Overview, now: f64) -> Vec<Target<'_>> {
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

/// Everything that does not work, each reason once.
fn problems<'a>(targets: &[Target<'a>], applications: &'a [Application]) -> Vec<Problem<'a>> {
    let mut places: BTreeMap<What<'a>, Vec<String>> = BTreeMap::new();
    let unclear = applications.iter().filter_map(Application::problem);
    for (what, place) in targets.iter().flat_map(Target::problems).chain(unclear) {
        places.entry(what).or_default().push(place);
    }
    let problem = |(what, mut places): (_, Vec<String>)| {
        let more_places = places.len().saturating_sub(MAX_PLACES);
        places.truncate(MAX_PLACES);
        Problem { what, places, more_places }
    };
    places.into_iter().map(problem).collect()
}

fn tiles(overview: &Overview, targets: &[Target<'_>]) -> [Tile; 4] {
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
    fn rows(&self) -> impl Iterator<Item = &Row<'a>> {
        self.places.iter().flat_map(|place| &place.rows)
    }

    fn sum(&self) -> Sum {
        Sum::of(self.rows())
    }

    fn databases(&self) -> usize {
        self.places.iter().filter(|place| place.datname.is_some()).count()
    }

    fn is_down(&self) -> bool {
        self.places.iter().any(|place| place.datname.is_none() && place.is_down())
    }

    fn standing(&self) -> Standing {
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
    fn problems(&self) -> Vec<(What<'a>, String)> {
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
    fn sum(&self) -> Sum {
        Sum::of(&self.rows)
    }

    fn is_down(&self) -> bool {
        self.reachability.is_some_and(|reachability| reachability.up == Some(false))
    }

    fn is_unknown(&self) -> bool {
        self.reachability.is_some_and(|reachability| reachability.up.is_none())
    }

    fn reason(&self) -> &'a str {
        self.reachability.and_then(|reachability| reachability.reason.as_deref()).unwrap_or_default()
    }

    fn standing(&self) -> Standing {
        if self.is_down() {
            return Standing::new(Standing::BAD, "down");
        }
        self.sum().standing(self.is_unknown())
    }

    fn problems(&self) -> Vec<What<'a>> {
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
    fn standing(&self) -> Standing {
        match (self.rounds.succeeded, &self.rounds.failure) {
            (Some(true), _) => Standing::new(Standing::GOOD, "ok"),
            (Some(false), Some((kind, _))) => Standing::new(Standing::BAD, kind.label()),
            (Some(false), None) => Standing::new(Standing::BAD, "failed"),
            (None, _) => Standing::new(Standing::WAITING, "first round"),
        }
    }

    fn reason(&self) -> &str {
        self.rounds.failure.as_ref().map_or("", |(_, reason)| reason)
    }

    fn age(&self) -> Option<f64> {
        self.rounds.last_success.map(|at| self.now - at)
    }

    fn ago(&self) -> String {
        ago(self.age())
    }

    fn took(&self) -> String {
        if self.rounds.succeeded.is_some() { duration(self.rounds.duration) } else { String::new() }
    }
}

impl Sum {
    fn of<'a>(rows: impl IntoIterator<Item = &'a Row<'a>>) -> Self {
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
    fn ago(&self) -> String {
        self.oldest.map_or_else(String::new, |seconds| ago(Some(seconds)))
    }

    fn standing(&self, unknown: bool) -> Standing {
        if self.bad > 0 {
            Standing::new(Standing::BAD, format!("{} failing", self.bad))
        } else if unknown || self.good < self.rounds {
            Standing::new(Standing::WAITING, "first round")
        } else {
            Standing::new(Standing::GOOD, "up")
        }
    }
}

/// `3 s`, `4 min`, `5 h`, `6 d`: as exact as a reader needs it.
fn age(seconds: f64) -> String {
    let units = [("d", 86_400.0), ("h", 3_600.0), ("min", 60.0)];
    let seconds = seconds.max(0.0);
    // Up to two of a unit, the smaller one says more.
    match units.into_iter().find(|(_, size)| seconds >= 2.0 * size) {
        Some((unit, size)) => format!("{:.0} {unit}", (seconds / size).floor()),
        None => format!("{seconds:.0} s"),
    }
}

/// As `age`, of something that may never have been.
fn ago(seconds: Option<f64>) -> String {
    seconds.map_or_else(|| "never".to_owned(), |seconds| format!("{} ago", age(seconds)))
}

fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    if seconds < 1.0 { format!("{:.0} ms", seconds * 1e3) } else { format!("{seconds:.1} s") }
}

/// Digits in groups of three, with spaces that keep a number on one line.
fn number(value: impl Display) -> String {
    let digits = value.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push('\u{202f}');
        }
        grouped.push(digit);
    }
    grouped
}
