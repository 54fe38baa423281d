//! What `check` found, for people and for programs.

use anstyle::{AnsiColor, Style};
use serde::Serialize;

use super::advice::Advice;
use crate::cli::Outcome;
use crate::config::Config;
use crate::state::Memory;

/// The whole answer; as JSON it is documented in `docs/CLI.md`.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    version: u32,
    /// Whether first-seen times survive a restart.
    state_dir: Option<String>,
    /// Why the state folder is of no use.
    state_error: Option<String>,
    /// What the configuration expects in version tables.
    pub(super) applications: Vec<ApplicationReport>,
    pub(super) targets: Vec<TargetReport>,
}

/// One application's revisions.
#[derive(Debug, Serialize)]
pub(super) struct ApplicationReport {
    pub(super) name: String,
    /// Whether they could be read and version tables can be judged by them.
    pub(super) success: bool,
    pub(super) error: Option<String>,
    pub(super) revisions: Option<usize>,
    pub(super) effective_heads: Option<Vec<String>>,
    /// How many of them the code is meant to have.
    pub(super) expected_heads: usize,
}

impl ApplicationReport {
    /// The code was changed in two places, and nobody has merged them.
    fn has_more_heads(&self) -> bool {
        self.effective_heads.as_ref().is_some_and(|heads| heads.len() > self.expected_heads)
    }
}

/// One server.
#[derive(Debug, Serialize)]
pub(super) struct TargetReport {
    pub(super) name: String,
    pub(super) up: bool,
    pub(super) error: Option<String>,
    pub(super) server_version: Option<String>,
    pub(super) collectors: Vec<CollectorReport>,
    pub(super) advice: Vec<Advice>,
    pub(super) databases: Vec<DatabaseReport>,
}

/// One database.
#[derive(Debug, Serialize)]
pub(super) struct DatabaseReport {
    pub(super) datname: String,
    pub(super) up: bool,
    pub(super) error: Option<String>,
    pub(super) collectors: Vec<CollectorReport>,
    pub(super) advice: Vec<Advice>,
}

/// One round of one collector.
#[derive(Debug, Serialize)]
pub(super) struct CollectorReport {
    pub(super) collector: &'static str,
    pub(super) success: bool,
    pub(super) error: Option<String>,
    pub(super) series: usize,
}

impl Report {
    pub(super) fn new(config: &Config) -> Self {
        let folder = config.state_dir.as_deref();
        Self {
            version: 1,
            state_dir: folder.map(|folder| folder.display().to_string()),
            state_error: folder.and_then(|folder| Memory::check(folder).err()).map(|error| error.to_string()),
            applications: Vec::new(),
            targets: Vec::new(),
        }
    }

    /// Unreachable or failing is worse than seeing less.
    pub(super) fn outcome(&self) -> Outcome {
        let databases = || self.targets.iter().flat_map(|target| &target.databases);
        let failing = self.targets.iter().any(|target| !target.up || target.databases.is_empty())
            || databases().any(|database| !database.up)
            || self.collectors().any(|collector| !collector.success)
            || self.applications.iter().any(|application| !application.success);
        if failing {
            Outcome::CouldNotTell
        } else if databases().any(|database| !database.advice.is_empty())
            || self.applications.iter().any(ApplicationReport::has_more_heads)
            || self.state_error.is_some()
        {
            Outcome::Finding
        } else {
            Outcome::Fine
        }
    }

    fn collectors(&self) -> impl Iterator<Item = &CollectorReport> {
        self.targets.iter().flat_map(|target| {
            target.collectors.iter().chain(target.databases.iter().flat_map(|database| &database.collectors))
        })
    }
}

const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default().bold();
const LESS: Style = AnsiColor::Yellow.on_default();

/// Writes the answer for a person.
pub(super) fn print(report: &Report) {
    for application in &report.applications {
        let count = application.revisions.unwrap_or_default();
        let heads = application.effective_heads.as_deref().unwrap_or_default().join(", ");
        let found = if application.success { format!(": {count} revisions up to {heads}") } else { String::new() };
        let text = format!("application {}{found}", application.name);
        headline(0, application.success, &text, application.error.as_deref());
        if application.has_more_heads() {
            anstream::println!(
                "  {LESS}heads{LESS:#}   more than the {} that are meant: merge them, or set heads",
                application.expected_heads
            );
        }
    }
    for target in &report.targets {
        let version =
            target.server_version.as_deref().map(|version| format!(", PostgreSQL {version}")).unwrap_or_default();
        headline(0, target.up, &format!("target {}{version}", target.name), target.error.as_deref());
        print_collectors(2, &target.collectors, target.error.as_deref());
        print_advice(2, &target.advice);
        for database in &target.databases {
            // What is wrong with the whole server has been said.
            let own = database.error.as_deref().filter(|error| Some(*error) != target.error.as_deref());
            headline(2, database.up, &format!("database {}", database.datname), own);
            print_collectors(4, &database.collectors, database.error.as_deref());
            if own.is_some() || database.up {
                print_advice(4, &database.advice);
            }
        }
        if target.up && target.databases.is_empty() {
            anstream::println!(
                "  {BAD}failed{BAD:#}  no database is watched: compare include, exclude and databases with what is there"
            );
        }
    }
    match &report.state_dir {
        Some(folder) => {
            headline(0, report.state_error.is_none(), &format!("state folder {folder}"), report.state_error.as_deref());
        }
        None => anstream::println!("no state folder: first-seen times start anew with each start (set state_dir)"),
    }
}

/// Those that fail for the same reason as their whole place have nothing to add.
fn print_collectors(indent: usize, collectors: &[CollectorReport], said: Option<&str>) {
    for collector in collectors.iter().filter(|collector| collector.success || collector.error.as_deref() != said) {
        let series = format!("{:<20} {:>6} series", collector.collector, collector.series);
        let text = if collector.success { series.as_str() } else { collector.collector };
        headline(indent, collector.success, text, collector.error.as_deref());
    }
}

fn print_advice(indent: usize, advice: &[Advice]) {
    for Advice { missing, remedy } in advice {
        anstream::println!("{:indent$}{LESS}not seen{LESS:#}  {missing}", "");
        anstream::println!("{:indent$}  mend it: {remedy}", "");
    }
}

fn headline(indent: usize, good: bool, text: &str, error: Option<&str>) {
    let (style, word) = if good { (GOOD, "ok") } else { (BAD, "failed") };
    let error = error.map(|error| format!(": {error}")).unwrap_or_default();
    anstream::println!("{:indent$}{style}{word:<6}{style:#}  {text}{error}", "");
}
