//! `pgwarden alembic current`: what the version tables hold.

use serde::Serialize;

use super::tables::{Found, Place, Rows, Where};
use super::text::{BAD, GOOD, LESS};
use crate::cli::Outcome;

/// Show the rows of the version tables; no revision files are needed.
///
/// Exits 0 when every table could be read, 2 when one could not.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    place: Where,
}

/// A table in the JSON object, documented in `docs/CLI.md`.
#[derive(Debug, Serialize)]
struct Entry {
    #[serde(flatten)]
    place: Place,
    present: Option<bool>,
    current: Option<Vec<String>>,
    error: Option<String>,
}

pub(super) async fn run(args: Args) -> anyhow::Result<Outcome> {
    let config = args.place.load()?;
    let tables: Vec<Entry> = args.place.read(config).await?.into_iter().map(entry).collect();
    let readable = tables.iter().all(|table| table.error.is_none());
    args.place.show(tables, |table| table.error.is_none(), print)?;
    Ok(if readable { Outcome::Fine } else { Outcome::CouldNotTell })
}

fn entry(Found { place, rows }: Found) -> Entry {
    let (present, current, error) = match rows {
        Rows::Present(rows) => (Some(true), Some(rows), None),
        Rows::Missing => (Some(false), Some(vec![]), None),
        Rows::Unreadable(error) => (None, None, Some(error)),
    };
    Entry { place, present, current, error }
}

fn print(table: &Entry) {
    let name = table.place.shown();
    match (&table.error, table.current.as_deref().unwrap_or_default()) {
        (Some(error), _) => anstream::println!("{BAD}unread{BAD:#}   {name}: {error}"),
        (None, []) if table.present == Some(false) => anstream::println!("{LESS}missing{LESS:#}  {name}"),
        (None, []) => anstream::println!("{LESS}empty{LESS:#}    {name}"),
        (None, rows) => anstream::println!("{GOOD}at{GOOD:#}       {name}: {}", rows.join(", ")),
    }
}
