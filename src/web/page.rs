//! The page at `/`: what is watched, with which success.

use askama::Template;

use crate::runner::{Overview, Reachability, Rounds, Source};
use crate::state;

/// The page, every value escaped by the template.
#[derive(Template)]
#[template(path = "overview.html", config = "src/web/askama.toml")]
struct Page<'a> {
    version: &'a str,
    targets: Vec<Target<'a>>,
}

struct Target<'a> {
    name: &'a str,
    health: Health,
    places: Vec<Place<'a>>,
}

/// The server as a whole, or one of its databases.
struct Place<'a> {
    name: &'a str,
    health: Health,
    collectors: Vec<Collector<'a>>,
}

struct Collector<'a> {
    name: &'a str,
    health: Health,
    age: String,
    duration: String,
    series: usize,
    left_out: u64,
}

/// A state in words, and why.
struct Health {
    class: &'static str,
    word: &'static str,
    reason: String,
}

impl Health {
    fn new(good: Option<bool>, reason: Option<&str>) -> Self {
        let (class, word) = match good {
            Some(true) => ("good", "up"),
            Some(false) => ("bad", "down"),
            None => ("pending", "pending"),
        };
        Self { class, word, reason: reason.unwrap_or_default().to_owned() }
    }

    fn of(reachability: Option<&Reachability>) -> Self {
        Self::new(reachability.and_then(|found| found.up), reachability.and_then(|found| found.reason.as_deref()))
    }
}

/// Renders the page.
pub(super) fn render(overview: &Overview) -> Result<String, askama::Error> {
    let names: std::collections::BTreeSet<_> = overview.rounds.keys().map(|source| &*source.target).collect();
    let targets = names.into_iter().map(|name| target(overview, name)).collect();
    Page { version: env!("CARGO_PKG_VERSION"), targets }.render()
}

fn target<'a>(overview: &'a Overview, name: &'a str) -> Target<'a> {
    let mut places: Vec<Place<'a>> = Vec::new();
    for (source, rounds) in overview.rounds.iter().filter(|(source, _)| &*source.target == name) {
        let place = source.datname.as_deref().unwrap_or("server");
        let collector = collector(source, rounds);
        match places.iter_mut().find(|known| known.name == place) {
            Some(known) => known.collectors.push(collector),
            None => {
                places.push(Place { name: place, health: place_health(overview, source), collectors: vec![collector] });
            }
        }
    }
    Target { name, health: Health::of(overview.targets.get(name)), places }
}

fn place_health(overview: &Overview, source: &Source) -> Health {
    match &source.datname {
        Some(datname) => Health::of(overview.databases.get(&(source.target.clone(), datname.clone()))),
        None => Health::of(overview.targets.get(&source.target)),
    }
}

fn collector<'a>(source: &'a Source, rounds: &Rounds) -> Collector<'a> {
    let age = rounds
        .last_success
        .map_or_else(|| "never".to_owned(), |at| format!("{:.0} s ago", (state::now() - at).max(0.0)));
    let mut health = Health::new(rounds.succeeded, rounds.failure.as_ref().map(|(_, message)| message.as_str()));
    health.word = match rounds.succeeded {
        Some(true) => "ok",
        Some(false) => "failed",
        None => "pending",
    };
    Collector {
        name: source.collector,
        health,
        age,
        duration: format!("{:.0} ms", rounds.duration.as_secs_f64() * 1000.0),
        series: rounds.series,
        left_out: rounds.left_out,
    }
}
