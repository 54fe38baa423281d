//! `pgwarden lint`: which operations of migrations are unsafe on tables in use.

mod facts;
mod files;
mod report;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;

use super::Outcome;
use super::output::Format;
use super::source::Source;
use crate::alembic::lint::{self, Knowledge, Options, Severity, TableFact, TableFacts};
use files::Unread;
use report::Report;

/// Find operations in Alembic migrations that block, rewrite, fail or lose data.
///
/// Exits 0 when there is nothing but info, 1 on an error or a warning, 2 when a file cannot be read and nothing else
/// was found, or when there is no file.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Revision files, or folders to search for them
    #[arg(required_unless_present = "rules")]
    paths: Vec<PathBuf>,

    /// Major version of the server that the migrations run on; with a database, its own, else the oldest supported
    #[arg(long, value_name = "MAJOR", value_parser = clap::value_parser!(u32).range(13..=18))]
    postgres: Option<u32>,

    /// Leave a rule out
    #[arg(long, value_name = "RULE")]
    ignore: Vec<String>,

    /// Weigh findings by the size and the write rate of this database's tables; `--config` needs `--target`
    #[command(flatten)]
    source: Source,

    /// How long to watch the database for its write rates
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = humantime::parse_duration)]
    window: Duration,

    /// Print the reference of all rules as Markdown
    #[arg(long)]
    rules: bool,

    /// Form of the output
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(super) async fn run(args: Args) -> anyhow::Result<Outcome> {
    if args.rules {
        anstream::print!("{}", lint::documentation());
        return Ok(Outcome::Fine);
    }
    if let Some(unknown) = args.ignore.iter().find(|rule| !lint::is_rule(rule)) {
        anyhow::bail!("there is no rule {unknown:?}; `pgwarden lint --rules` lists them");
    }
    let files = files::read(&args.paths)?;
    anyhow::ensure!(
        !files.found.is_empty() || !files.unread.is_empty(),
        "no revision file found in {}",
        files::list(&args.paths)
    );
    let (facts, version) = live(&args).await?;
    let options = Options {
        postgres: args.postgres.or(version).unwrap_or(*lint::SUPPORTED.start()),
        ignored: args.ignore,
        ..Options::default()
    };
    let report = judge(files, &facts, &options);
    match args.format {
        Format::Human => report::print(&report),
        Format::Json => anstream::println!("{}", serde_json::to_string(&report)?),
    }
    Ok(outcome(&report))
}

/// What the database at hand tells; nothing without one.
async fn live(args: &Args) -> anyhow::Result<(TableFacts, Option<u32>)> {
    if args.source.database.is_none() && args.source.target.is_none() {
        return Ok((TableFacts::default(), None));
    }
    let (facts, major) =
        facts::read(&args.source.load()?, args.window).await.context("cannot read the tables of the database")?;
    Ok((facts, Some(major)))
}

fn judge(files: files::Files, facts: &TableFacts, options: &Options) -> Report {
    let folder = Knowledge::of_folder(files.found.iter().flat_map(|found| &found.migration.steps));
    let mut findings = Vec::new();
    for found in &files.found {
        let options = Options { lock_timeout_is_set: found.lock_timeout_is_set, ..options.clone() };
        let judged = lint::judge(&found.migration, &mut folder.clone(), &options).into_iter();
        let mut weighed: Vec<_> = judged.map(|finding| finding.weigh(fact_of(&finding, facts))).collect();
        weighed.sort_by_key(|finding| (finding.line, finding.severity));
        findings.extend(weighed);
    }
    Report::new(files.found.len(), files.unread, findings)
}

fn fact_of<'f>(finding: &lint::Finding, facts: &'f TableFacts) -> Option<&'f TableFact> {
    facts.of(&finding.operated()?, None)
}

fn outcome(report: &Report) -> Outcome {
    if report.findings.iter().any(|finding| finding.severity != Severity::Info) {
        Outcome::Finding
    } else if report.unparsable.is_empty() {
        Outcome::Fine
    } else {
        Outcome::CouldNotTell
    }
}
