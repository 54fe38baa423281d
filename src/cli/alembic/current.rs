//! `pgwarden alembic current`: what the version tables hold.

use serde::Serialize;

use super::tables::{Found, Rows, Where};
use super::text::{BAD, GOOD, LESS};
use crate::cli::Outcome;
use crate::cli::output::Format;

/// Show the rows of the version tables; no revision files are needed.
///
/// Exits 0 when every table could be read, 2 when one could not.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
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
    present: Option<bool>,
    current: Option<Vec<String>>,
    error: Option<String>,
}

pub(super) async fn run(args: Args) -> anyhow::Result<Outcome> {
    let mut tables: Vec<Entry> = args.place.read().await?.into_iter().map(entry).collect();
    let readable = tables.iter().all(|table| table.error.is_none());
    match args.format {
        Format::Human => {
            tables.sort_by_key(|table| table.error.is_none());
            for table in &tables {
                print(table);
            }
        }
        Format::Json => anstream::println!("{}", serde_json::to_string(&Report { version: 1, tables })?),
    }
    Ok(if readable { Outcome::Fine } else { Outcome::CouldNotTell })
}

fn entry(found: Found) -> Entry {
    let (present, current, error) = match found.rows {
        Rows::Present(rows) => (Some(true), Some(rows), None),
        Rows::Missing => (Some(false), Some(vec![]), None),
        Rows::Unreadable(error) => (None, None, Some(error)),
    };
    let Found { target, datname, schema, table, .. } = found;
    Entry { target, datname, schema, table, present, current, error }
}

fn print(table: &Entry) {
    let name = super::text::place(&table.datname, table.schema.as_deref(), table.table.as_deref());
    match (&table.error, table.current.as_deref().unwrap_or_default()) {
        (Some(error), _) => anstream::println!("{BAD}unread{BAD:#}   {name}: {error}"),
        (None, []) if table.present == Some(false) => anstream::println!("{LESS}missing{LESS:#}  {name}"),
        (None, []) => anstream::println!("{LESS}empty{LESS:#}    {name}"),
        (None, rows) => anstream::println!("{GOOD}at{GOOD:#}       {name}: {}", rows.join(", ")),
    }
}
