//! `pgwarden alembic status`: is every database at the revision that the code expects?

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use serde::Serialize;

use super::expected::{self, Files};
use super::tables::{Found, Place, Rows, Where};
use super::text::{BAD, GOOD, LESS, count, first_line, print_columns, print_defects};
use crate::alembic::graph::Graph;
use crate::alembic::judge::{self, Judgement, State};
use crate::alembic::scripts::Source;
use crate::cli::Outcome;

/// Pending revisions that people are shown of one table.
const MAX_LISTED: usize = 20;

/// Compare the version tables of databases with the revision files: what is applied, what waits, what is unknown.
///
/// With a configuration, each version table is compared with the application that claims it, unless --scripts, --ini or
/// --manifest says what all of them are compared with. Exits 0 when every database is up to date, 1 when one is not, 2 when
/// that could not be told: a table is locked, may not be read or belongs to no application, a database cannot be reached, a
/// revision file cannot be read, or the graph is broken.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    files: Files,

    #[command(flatten)]
    place: Where,
}

/// A table in the JSON object, documented in `docs/CLI.md`.
#[derive(Debug, Serialize)]
struct Entry {
    #[serde(flatten)]
    place: Place,
    state: Option<State>,
    current: Option<Vec<String>>,
    expected: Option<Vec<String>>,
    pending: Option<Vec<String>>,
    unknown: Option<Vec<String>>,
    overlapping: Option<Vec<String>>,
    error: Option<String>,
}

/// What version tables are compared with.
enum Code {
    /// All with the same revisions.
    Same(Arc<Graph>),
    /// Each with those of its application, or why these cannot be read.
    ByApplication(BTreeMap<String, Result<Arc<Graph>, String>>),
}

impl Code {
    /// The revisions of the applications that claim what was found.
    fn of_applications(sources: BTreeMap<String, Source>, found: &[Found]) -> Self {
        let is_needed = |name: &String| found.iter().any(|found| found.place.application.as_ref() == Some(name));
        let needed = sources.into_iter().filter(|(name, _)| is_needed(name));
        let load = |source| expected::load(source).map_err(|error| format!("{error:#}"));
        Self::ByApplication(needed.map(|(name, source)| (name, load(source))).collect())
    }

    fn graph(&self, application: Option<&str>) -> Result<&Graph, String> {
        let graphs = match self {
            Self::Same(graph) => return Ok(graph),
            Self::ByApplication(graphs) => graphs,
        };
        let unclaimed = || "no application of the configuration claims it".to_owned();
        let graph = application.and_then(|name| graphs.get(name)).ok_or_else(unclaimed)?;
        graph.as_deref().map_err(Clone::clone)
    }

    fn print_defects(&self) {
        match self {
            Self::Same(graph) => print_defects(graph),
            Self::ByApplication(graphs) => graphs.values().flatten().for_each(|graph| print_defects(graph)),
        }
    }
}

pub(super) async fn run(args: Args) -> anyhow::Result<Outcome> {
    let mut config = args.place.load()?;
    if args.files.named().is_some() {
        config.alembic.applications.clear();
    }
    let sources: BTreeMap<_, _> =
        config.alembic.applications.iter().map(|it| (it.name.clone(), it.source.clone())).collect();
    let (code, found) = if sources.is_empty() {
        let source = args.files.named().map_or_else(|| args.files.of_alembic(), Ok)?;
        let graph = expected::load(source)?;
        (Code::Same(graph), args.place.read(config).await?)
    } else {
        let found = args.place.read(config).await?;
        (Code::of_applications(sources, &found), found)
    };
    let tables: Vec<Entry> = found.into_iter().map(|found| entry(&code, found)).collect();
    let outcome = outcome(&tables);
    if args.place.is_human() {
        code.print_defects();
    }
    let rank = |table: &Entry| (table.state.is_some(), table.state == Some(State::UpToDate));
    let mut listed = HashSet::new();
    args.place.show(tables, rank, |table| print(&code, table, &mut listed))?;
    Ok(outcome)
}

fn outcome(tables: &[Entry]) -> Outcome {
    if tables.iter().any(|table| table.state.is_none()) {
        Outcome::CouldNotTell
    } else if tables.iter().any(|table| table.state != Some(State::UpToDate)) {
        Outcome::Finding
    } else {
        Outcome::Fine
    }
}

fn entry(code: &Code, Found { place, rows }: Found) -> Entry {
    let compare = |rows: Option<&[String]>| {
        let graph = code.graph(place.application.as_deref())?;
        judge::judge(graph, rows).map_err(|reason| reason.to_string())
    };
    let (rows, judged) = match rows {
        Rows::Unreadable(error) => (None, Err(error)),
        Rows::Missing => (Some(vec![]), compare(None)),
        Rows::Present(rows) => {
            let judged = compare(Some(&rows));
            (Some(rows), judged)
        }
    };
    let unjudged = Entry {
        place,
        current: rows,
        state: None,
        expected: None,
        pending: None,
        unknown: None,
        overlapping: None,
        error: None,
    };
    match judged {
        Err(error) => Entry { error: Some(error), ..unjudged },
        Ok(Judgement { state, current, expected, pending, unknown, overlapping }) => Entry {
            state: Some(state),
            current: Some(current),
            expected: Some(expected),
            pending,
            unknown: Some(unknown),
            overlapping: Some(overlapping),
            ..unjudged
        },
    }
}

/// Shows a table; what is pending is listed only for the first table that lacks it.
fn print(code: &Code, table: &Entry, listed: &mut HashSet<Vec<String>>) {
    let name = table.place.shown();
    let list = |list: &Option<Vec<String>>| list.as_deref().unwrap_or_default().join(", ");
    let Some(state) = table.state else {
        let error = table.error.as_deref().unwrap_or_default();
        anstream::println!("{BAD}unclear{BAD:#}   {name}: {error}");
        return;
    };
    let style = if state == State::UpToDate { GOOD } else { LESS };
    let at = if table.current.as_ref().is_some_and(Vec::is_empty) {
        String::new()
    } else {
        format!(" at {}", list(&table.current))
    };
    anstream::println!("{style}{:<9}{style:#} {name}{at}", state.name().replace('_', " "));
    if table.unknown.as_ref().is_some_and(|unknown| !unknown.is_empty()) {
        anstream::println!(
            "          no revision file has {}: deploy the code that this database was migrated with",
            list(&table.unknown)
        );
    }
    if table.overlapping.as_ref().is_some_and(|overlapping| !overlapping.is_empty()) {
        anstream::println!(
            "          superfluous, every upgrade fails until its row is deleted: {}",
            list(&table.overlapping)
        );
    }
    let pending = table.pending.as_deref().unwrap_or_default();
    if !pending.is_empty() {
        let number = count(pending.len(), "revision");
        if !listed.insert(pending.to_vec()) {
            anstream::println!("          {number} pending, the same as above");
            return;
        }
        anstream::println!("          {number} pending, run `alembic upgrade heads`:");
        let graph = code.graph(table.place.application.as_deref()).ok();
        let message =
            |id: &String| graph.and_then(|graph| Some(first_line(&graph.script(graph.position(id)?).message)));
        let lines: Vec<_> = pending
            .iter()
            .take(MAX_LISTED)
            .map(|id| [format!("            {id}"), message(id).unwrap_or_default()])
            .collect();
        print_columns(&lines);
        if let Some(more) = pending.len().checked_sub(MAX_LISTED).filter(|more| *more > 0) {
            anstream::println!("            and {more} more; --format json lists all");
        }
    }
}
