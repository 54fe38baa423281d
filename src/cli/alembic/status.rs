//! `pgwarden alembic status`: is every database at the revision that the code expects?

use serde::Serialize;

use super::expected::Expected;
use super::tables::{Found, Rows, Where};
use super::text::{BAD, GOOD, LESS, count, first_line, place, print_columns, print_defects};
use crate::alembic::graph::Graph;
use crate::alembic::judge::{self, Judgement, State};
use crate::cli::Outcome;
use crate::cli::output::Format;

/// Compare the version tables of databases with the revision files: what is applied, what waits, what is unknown.
///
/// Exits 0 when every database is up to date, 1 when one is not, 2 when that could not be told: a table is locked or
/// may not be read, a database cannot be reached, a revision file cannot be read, or the graph is broken.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    expected: Expected,

    #[command(flatten)]
    place: Where,

    /// Form of the output
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// The JSON object, documented in `docs/CLI.md`.
#[derive(Debug, Serialize)]
struct Report {
    version: u32,
    tables: Vec<Entry>,
}

#[derive(Debug, Serialize)]
struct Entry {
    target: String,
    datname: String,
    schema: Option<String>,
    table: Option<String>,
    state: Option<State>,
    current: Option<Vec<String>>,
    expected: Option<Vec<String>>,
    pending: Option<Vec<String>>,
    unknown: Option<Vec<String>>,
    overlapping: Option<Vec<String>>,
    error: Option<String>,
}

pub(super) async fn run(args: Args) -> anyhow::Result<Outcome> {
    let graph = args.expected.load()?;
    let mut tables: Vec<Entry> = args.place.read().await?.into_iter().map(|found| entry(&graph, found)).collect();
    let outcome = outcome(&tables);
    match args.format {
        Format::Human => {
            print_defects(&graph);
            tables.sort_by_key(|table| (table.state.is_some(), table.state == Some(State::UpToDate)));
            for table in &tables {
                print(&graph, table);
            }
        }
        Format::Json => anstream::println!("{}", serde_json::to_string(&Report { version: 1, tables })?),
    }
    Ok(outcome)
}

fn outcome(tables: &[Entry]) -> Outcome {
    if tables.is_empty() || tables.iter().any(|table| table.state.is_none()) {
        Outcome::CouldNotTell
    } else if tables.iter().any(|table| table.state != Some(State::UpToDate)) {
        Outcome::Finding
    } else {
        Outcome::Fine
    }
}

fn entry(graph: &Graph, found: Found) -> Entry {
    let (rows, judged) = match found.rows {
        Rows::Unreadable(error) => (None, Err(error)),
        Rows::Missing => (Some(vec![]), judge::judge(graph, None).map_err(|reason| reason.to_string())),
        Rows::Present(rows) => {
            let judged = judge::judge(graph, Some(&rows)).map_err(|reason| reason.to_string());
            (Some(rows), judged)
        }
    };
    let Found { target, datname, schema, table, .. } = found;
    let unjudged = Entry {
        target,
        datname,
        schema,
        table,
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

fn print(graph: &Graph, table: &Entry) {
    let name = place(&table.datname, table.schema.as_deref(), table.table.as_deref());
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
        anstream::println!("          {} pending, run `alembic upgrade heads`:", count(pending.len(), "revision"));
        let message = |id: &String| graph.position(id).map(|position| first_line(&graph.script(position).message));
        let lines: Vec<_> =
            pending.iter().map(|id| [format!("            {id}"), message(id).unwrap_or_default()]).collect();
        print_columns(&lines);
    }
}
