//! `pgwarden alembic manifest`: the graph, and what its revisions do, in one file.

use std::path::PathBuf;

use anyhow::Context;

use super::expected::{Code, Expected};
use crate::alembic::manifest;
use crate::alembic::operations::Operations;
use crate::cli::Outcome;

/// Write the revisions, and what each does, to one JSON file, for an exporter without the application's source.
///
/// The same revision files give the same bytes. Exits 0, or 1 when a file cannot be read without running it or the
/// graph is broken: no database can be judged with such a manifest; 2 when the files cannot be found.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    code: Code,

    /// Where to write it; standard output by default
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(super) fn run(args: &Args) -> anyhow::Result<Outcome> {
    let Expected { scripts, graph, .. } = args.code.load()?;
    let json = manifest::write(&graph, &Operations::read(&scripts, &Operations::default()))?;
    match &args.output {
        Some(path) => std::fs::write(path, json).with_context(|| format!("cannot write {}", path.display()))?,
        None => anstream::print!("{json}"),
    }
    for finding in graph.findings() {
        anstream::eprintln!("pgwarden: {finding}");
    }
    for file in graph.unparsable() {
        anstream::eprintln!("pgwarden: {} {}", file.file, file.reason);
    }
    Ok(if graph.is_sound() { Outcome::Fine } else { Outcome::Finding })
}
