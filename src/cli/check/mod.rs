//! `pgwarden check`: what works, and the exact statement that mends what does not.

mod advice;
mod report;

use std::sync::Arc;

use super::Outcome;
use super::output::Format;
use super::source::Source;
use crate::collectors::alembic::Application;
use crate::collectors::privileges;
use crate::config::{Config, Connection, Target};
use crate::postgres::{Budget, Error, Session};
use crate::runner::{self, Overview, Shared};
use advice::Advice;
use report::{ApplicationReport, CollectorReport, DatabaseReport, Report, TargetReport};

/// Check configuration, connections and privileges, and say how to mend what is missing.
///
/// Exits 0 when everything works, 1 when something could be seen better, 2 when a server or a database cannot be
/// reached, a collector fails, or an application's revisions cannot be read.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    source: Source,

    /// Form of the output
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(super) async fn run(args: Args) -> anyhow::Result<Outcome> {
    let config = args.source.load()?;
    let shared = Shared::default();
    runner::once(config.clone(), &shared).await;
    let mut report = examine(&config, &shared.published.overview()).await;
    report.applications = shared.applications.all().iter().map(|application| revisions(application)).collect();
    match args.format {
        Format::Human => report::print(&report),
        Format::Json => anstream::println!("{}", serde_json::to_string(&report)?),
    }
    Ok(report.outcome())
}

async fn examine(config: &Config, overview: &Overview) -> Report {
    let mut report = Report::new(config);
    for target in &config.targets {
        report.targets.push(examine_target(config, target, overview).await);
    }
    report
}

async fn examine_target(config: &Config, target: &Target, overview: &Overview) -> TargetReport {
    let failure = overview.targets.get(target.name.as_str()).and_then(|reachability| reachability.failure.as_ref());
    let Connection { user, dbname, .. } = &target.connection;
    let mut report = TargetReport {
        name: target.name.clone(),
        up: failure.is_none(),
        server_version: None,
        error: failure.map(|(_, reason)| reason.clone()),
        collectors: collectors(overview, &target.name, None),
        advice: failure.map_or_else(Vec::new, |(kind, _)| advice::for_unreachable(*kind, user, dbname)),
        databases: Vec::new(),
    };
    for (_, datname) in overview.databases.keys().filter(|(name, _)| **name == *target.name) {
        let (database, version) = examine_database(config, target, datname, overview).await;
        report.server_version = report.server_version.or(version);
        report.databases.push(database);
    }
    report
}

async fn examine_database(
    config: &Config,
    target: &Target,
    datname: &Arc<str>,
    overview: &Overview,
) -> (DatabaseReport, Option<String>) {
    let known = overview.databases.get(&(target.name.as_str().into(), Arc::clone(datname)));
    let seen = match known.and_then(|reachability| reachability.failure.clone()) {
        // Another attempt would only take as long again.
        Some(failure) => Err(failure),
        None => see(config, target, datname).await.map_err(|error| (error.kind(), error.to_string())),
    };
    let (error, advice, version) = match seen {
        Ok((advice, version)) => (None, advice, Some(version)),
        Err((kind, reason)) => (Some(reason), advice::for_unreachable(kind, &target.connection.user, datname), None),
    };
    let collectors = collectors(overview, &target.name, Some(datname));
    (DatabaseReport { datname: datname.to_string(), up: error.is_none(), error, collectors, advice }, version)
}

async fn see(config: &Config, target: &Target, datname: &str) -> Result<(Vec<Advice>, String), Error> {
    let budget = Budget::exporter(1);
    let mut session = Session::open(&target.connection, datname, &config.sessions, &budget).await?;
    let seen = privileges::read(&mut session).await?;
    Ok((advice::for_role(&seen, &target.connection.user, session.version()), session.version().to_string()))
}

fn revisions(application: &Application) -> ApplicationReport {
    let expectation = application.expectation().unwrap_or_default();
    let error = expectation.error();
    let graph = expectation.graph.as_ref();
    ApplicationReport {
        name: application.name().to_owned(),
        success: error.is_none(),
        error,
        revisions: graph.map(|graph| graph.len()),
        effective_heads: graph.map(|graph| graph.sorted_ids(graph.effective_heads())),
        expected_heads: application.heads(),
    }
}

fn collectors(overview: &Overview, target: &str, datname: Option<&str>) -> Vec<CollectorReport> {
    let here =
        overview.rounds.iter().filter(|(source, _)| &*source.target == target && source.datname.as_deref() == datname);
    here.map(|(source, rounds)| CollectorReport {
        collector: source.collector,
        success: rounds.succeeded == Some(true),
        error: rounds.failure.as_ref().map(|(_, message)| message.clone()),
        series: rounds.series,
    })
    .collect()
}
