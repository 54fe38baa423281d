//! `pgwarden alembic heads`: where the history ends, and whether it is sound.

use serde::Serialize;

use super::expected::{Code, Expected};
use super::text::{BAD, GOOD, LESS, count, first_line, print_columns, print_defects};
use crate::alembic::graph::Graph;
use crate::cli::Outcome;
use crate::cli::output::Format;

/// Show the heads of the revision files and what is wrong with them.
///
/// Exits 0 when there is one effective head and every file was read, 1 when there are several (or none), a file cannot
/// be read without running it, or the graph is broken, 2 when the files cannot be found.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    code: Code,

    /// Number of effective heads that is fine: more where branches are kept apart on purpose; 1, or what the configuration
    /// says of the application
    #[arg(long, value_name = "N")]
    max_heads: Option<usize>,

    /// Form of the output
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// The JSON object, documented in `docs/CLI.md`.
#[derive(Debug, Serialize)]
struct Report {
    version: u32,
    revisions: usize,
    heads: Vec<String>,
    effective_heads: Vec<String>,
    bases: Vec<String>,
    branch_points: Vec<String>,
    merge_points: Vec<String>,
    unparsable: Vec<String>,
    findings: Vec<Finding>,
}

#[derive(Debug, Serialize)]
struct Finding {
    kind: &'static str,
    message: String,
}

pub(super) fn run(args: &Args) -> anyhow::Result<Outcome> {
    let Expected { graph, heads, .. } = args.code.load()?;
    let max_heads = args.max_heads.or(heads).unwrap_or(1);
    let findings = findings(&graph, max_heads);
    let outcome = if findings.is_empty() { Outcome::Fine } else { Outcome::Finding };
    match args.format {
        Format::Human => print(&graph, max_heads),
        Format::Json => anstream::println!("{}", serde_json::to_string(&report(&graph, findings))?),
    }
    Ok(outcome)
}

fn report(graph: &Graph, findings: Vec<Finding>) -> Report {
    let mut unparsable: Vec<String> = graph.unparsable().iter().map(|file| file.file.clone()).collect();
    unparsable.sort_unstable();
    Report {
        version: 1,
        revisions: graph.len(),
        heads: graph.sorted_ids(graph.heads()),
        effective_heads: graph.sorted_ids(graph.effective_heads()),
        bases: graph.sorted_ids(graph.bases()),
        branch_points: graph.sorted_ids(graph.branch_points()),
        merge_points: graph.sorted_ids(graph.merge_points()),
        unparsable,
        findings,
    }
}

fn findings(graph: &Graph, max_heads: usize) -> Vec<Finding> {
    let broken = graph.findings().iter().map(|finding| Finding { kind: finding.kind(), message: finding.to_string() });
    let unread = graph
        .unparsable()
        .iter()
        .map(|file| Finding { kind: "unparsable", message: format!("{} {}", file.file, file.reason) });
    let heads = heads_finding(graph, max_heads);
    broken.chain(unread).chain(heads.map(|(kind, message)| Finding { kind, message })).collect()
}

fn heads_finding(graph: &Graph, max_heads: usize) -> Option<(&'static str, String)> {
    let heads = graph.effective_heads().len();
    if graph.is_empty() {
        Some(("no_revisions", "there is no revision; is this the right folder?".to_owned()))
    } else if heads > max_heads {
        let message = format!(
            "{heads} effective heads where {max_heads} is fine: merge them with `alembic merge heads`, or raise --max-heads"
        );
        Some(("several_heads", message))
    } else {
        None
    }
}

fn print(graph: &Graph, max_heads: usize) {
    print_defects(graph);
    if let Some((_, message)) = heads_finding(graph, max_heads) {
        let (style, word) = if graph.is_empty() { (BAD, "nothing") } else { (LESS, "several") };
        anstream::println!("{style}{word}{style:#}  {message}");
    }
    let effective = graph.effective_heads();
    let lines: Vec<[String; 3]> = graph
        .heads()
        .into_iter()
        .map(|head| {
            let script = graph.script(head);
            let role = if effective.contains(&head) { "head" } else { "head that another revision depends on" };
            let labels = if script.branch_labels.is_empty() {
                String::new()
            } else {
                format!(" ({})", script.branch_labels.join(", "))
            };
            [script.revision.clone(), format!("{role}{labels}"), first_line(&script.message)]
        })
        .collect();
    print_columns(&lines);
    let style = if graph.is_sound() { GOOD } else { BAD };
    anstream::println!(
        "{style}{}{style:#}, {}, {}",
        count(graph.len(), "revision"),
        count(graph.bases().len(), "base"),
        count(graph.unparsable().len(), "unread file")
    );
}
