//! `pgwarden alembic history`: every revision, newest first.

use serde::Serialize;

use super::expected::Code;
use super::text::{first_line, print_columns, print_defects};
use crate::alembic::graph::{Graph, Position};
use crate::cli::Outcome;
use crate::cli::output::Format;

/// Show every revision; newest first for people, in the order of an upgrade as JSON.
///
/// Exits 0, or 1 when a file cannot be read without running it or the graph is broken, 2 when the files cannot be found.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    code: Code,

    /// Form of the output
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// The JSON object, documented in `docs/CLI.md`.
#[derive(Debug, Serialize)]
struct Report<'g> {
    version: u32,
    revisions: Vec<Entry<'g>>,
    unparsable: Vec<&'g str>,
    findings: Vec<&'static str>,
}

#[derive(Debug, Serialize)]
#[allow(clippy::struct_excessive_bools, reason = "independent facts about a revision, each a field of the JSON")]
struct Entry<'g> {
    revision: &'g str,
    down_revisions: &'g [String],
    depends_on: &'g [String],
    branch_labels: &'g [String],
    head: bool,
    effective_head: bool,
    branch_point: bool,
    merge_point: bool,
    file: &'g str,
    message: &'g str,
}

pub(super) fn run(args: &Args) -> anyhow::Result<Outcome> {
    let graph = args.code.load()?.graph;
    let revisions = revisions(&graph);
    match args.format {
        Format::Human => print(&graph, &revisions),
        Format::Json => {
            let report = Report {
                version: 1,
                revisions,
                unparsable: graph.unparsable().iter().map(|file| file.file.as_str()).collect(),
                findings: graph.findings().iter().map(crate::alembic::graph::Finding::kind).collect(),
            };
            anstream::println!("{}", serde_json::to_string(&report)?);
        }
    }
    Ok(if graph.is_sound() { Outcome::Fine } else { Outcome::Finding })
}

fn revisions(graph: &Graph) -> Vec<Entry<'_>> {
    let flags = |positions: Vec<Position>| {
        let mut flags = vec![false; graph.len()];
        for position in positions {
            flags[position] = true;
        }
        flags
    };
    let (heads, effective) = (flags(graph.heads()), flags(graph.effective_heads()));
    let (branches, merges) = (flags(graph.branch_points()), flags(graph.merge_points()));
    let history = graph.history().into_iter();
    history
        .map(|position| {
            let script = graph.script(position);
            Entry {
                revision: &script.revision,
                down_revisions: &script.down_revisions,
                depends_on: &script.depends_on,
                branch_labels: &script.branch_labels,
                head: heads[position],
                effective_head: effective[position],
                branch_point: branches[position],
                merge_point: merges[position],
                file: &script.file,
                message: &script.message,
            }
        })
        .collect()
}

fn print(graph: &Graph, revisions: &[Entry<'_>]) {
    print_defects(graph);
    let line = |revision: &Entry<'_>| {
        let marks = [
            (revision.effective_head, "head"),
            (revision.head && !revision.effective_head, "head that another revision depends on"),
            (revision.branch_point, "branches"),
            (revision.merge_point, "merges"),
        ];
        let marks = marks.iter().filter(|(holds, _)| *holds).map(|(_, mark)| (*mark).to_owned());
        let labels = revision.branch_labels.iter().map(|label| format!("starts {label}"));
        let below = match revision.down_revisions {
            [] => "base".to_owned(),
            parents => format!("after {}", parents.join(", ")),
        };
        let depends = match revision.depends_on {
            [] => String::new(),
            others => format!(", needs {}", others.join(", ")),
        };
        let marks = marks.chain(labels).collect::<Vec<_>>().join(", ");
        [revision.revision.to_owned(), format!("{below}{depends}"), marks, first_line(revision.message)]
    };
    print_columns(&revisions.iter().rev().map(line).collect::<Vec<_>>());
}
