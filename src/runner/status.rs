//! How the rounds went, as metrics of the exporter itself.

use std::sync::atomic::Ordering;

use super::{Overview, Runner, Shared};
use crate::alembic::graph::Finding;
use crate::collectors::alembic::Application;
use crate::metric::{Definition, Family, Samples, labels, metrics};

metrics! {
    /// 1 if the last attempt to open or use a session with the server succeeded, 0 if not.
    static UP: Gauge = "pgwarden_up" [target];
    /// 1 if the last attempt to open or use a session with the database succeeded, 0 if not.
    static DATABASE_UP: Gauge = "pgwarden_database_up" [target, datname];
    /// 1 if the last round of the collector succeeded, 0 if it failed; an empty datname stands for the server as a whole.
    static SUCCESS: Gauge = "pgwarden_collector_success" [target, datname, collector];
    /// 1 with the kind of the error while the last round of the collector failed.
    static FAILING: Gauge = "pgwarden_collector_failing" [target, datname, collector, kind];
    /// Seconds from the start of one round of the collector to the start of the next.
    static INTERVAL: Gauge = "pgwarden_collector_interval_seconds" [target, datname, collector];
    /// Rounds of the collector that ended, well or badly.
    static ROUNDS: Counter = "pgwarden_collector_rounds_total" [target, datname, collector];
    /// Rounds of the collector that failed.
    static FAILURES: Counter = "pgwarden_collector_failures_total" [target, datname, collector];
    /// Seconds that the last round of the collector took.
    static DURATION: Gauge = "pgwarden_collector_duration_seconds" [target, datname, collector];
    /// Unix time at which the last good round of the collector ended: the age of its values.
    static LAST_SUCCESS: Gauge = "pgwarden_collector_last_success_timestamp_seconds" [target, datname, collector];
    /// Series of the last good round of the collector.
    static SERIES: Gauge = "pgwarden_collector_series" [target, datname, collector];
    /// Tables, columns, groups and the like that have no series of their own because of a bound.
    static LEFT_OUT: Gauge = "pgwarden_collector_left_out" [target, datname, collector];
    /// Connections that are open to the target.
    static CONNECTIONS: Gauge = "pgwarden_target_connections" [target];
    /// Upper bound of connections to the target (max_connections of the target's configuration).
    static CONNECTION_LIMIT: Gauge = "pgwarden_target_connection_limit" [target];
    /// Connections that are open to all targets together.
    static ALL_CONNECTIONS: Gauge = "pgwarden_exporter_connections" [];
    /// Upper bound of connections to all targets together (max_connections of the configuration's [sessions]).
    static ALL_CONNECTION_LIMIT: Gauge = "pgwarden_exporter_connection_limit" [];
    /// 1 if the revisions of the application could be read at the last look, 0 if not; the last known ones stay in use.
    static SOURCE_READABLE: Gauge = "pgwarden_alembic_source_readable" [application];
    /// Unix time at which the newest of the application's revision files, or its manifest, was modified.
    static SOURCE_MODIFIED: Gauge = "pgwarden_alembic_source_modified_timestamp_seconds" [application];
    /// Unix time of the last look at the application's revisions that succeeded.
    static SOURCE_READ: Gauge = "pgwarden_alembic_source_last_read_timestamp_seconds" [application];
    /// Revisions of the application.
    static SOURCE_REVISIONS: Gauge = "pgwarden_alembic_source_revisions" [application];
    /// Heads of the application: revisions that no other follows.
    static SOURCE_HEADS: Gauge = "pgwarden_alembic_source_heads" [application];
    /// Effective heads of the application: revisions that no other follows or depends on, which a complete upgrade leaves in the version table.
    static SOURCE_EFFECTIVE_HEADS: Gauge = "pgwarden_alembic_source_effective_heads" [application];
    /// Effective heads that the application is meant to have (heads of its configuration).
    static SOURCE_EXPECTED_HEADS: Gauge = "pgwarden_alembic_source_expected_heads" [application];
    /// Revision files of the application that cannot be read without running them; while there is one, no version table can be judged.
    static SOURCE_UNPARSABLE: Gauge = "pgwarden_alembic_source_unparsable_files" [application];
    /// Defects of the application's revisions by kind; while there is one, no version table can be judged.
    static SOURCE_FINDINGS: Gauge = "pgwarden_alembic_source_findings" [application, kind];
    /// 1 if first-seen times survive a restart, 0 without a state folder.
    static STATE_PERSISTENT: Gauge = "pgwarden_state_persistent" [];
    /// How often the state folder could not be read or written.
    static STATE_ERRORS: Counter = "pgwarden_state_errors_total" [];
}

/// All metrics of this file.
pub static METRICS: &[&Definition] = &[
    &UP,
    &DATABASE_UP,
    &SUCCESS,
    &FAILING,
    &INTERVAL,
    &ROUNDS,
    &FAILURES,
    &DURATION,
    &LAST_SUCCESS,
    &SERIES,
    &LEFT_OUT,
    &CONNECTIONS,
    &CONNECTION_LIMIT,
    &ALL_CONNECTIONS,
    &ALL_CONNECTION_LIMIT,
    &SOURCE_READABLE,
    &SOURCE_MODIFIED,
    &SOURCE_READ,
    &SOURCE_REVISIONS,
    &SOURCE_HEADS,
    &SOURCE_EFFECTIVE_HEADS,
    &SOURCE_EXPECTED_HEADS,
    &SOURCE_UNPARSABLE,
    &SOURCE_FINDINGS,
    &STATE_PERSISTENT,
    &STATE_ERRORS,
];

/// The state of everything that is watched, now.
pub fn families(shared: &Shared, runner: Option<&Runner>) -> Vec<Family> {
    let mut samples = Samples::default();
    push_overview(&shared.published.overview(), &mut samples);
    if let Some(runner) = runner {
        for (target, budget) in runner.budgets() {
            let target = labels([target]);
            samples.push(&CONNECTIONS, &target, budget.open() as f64);
            samples.push(&CONNECTION_LIMIT, &target, budget.limit() as f64);
        }
        samples.push_plain(&ALL_CONNECTIONS, runner.budget().open() as f64);
        samples.push_plain(&ALL_CONNECTION_LIMIT, runner.budget().limit() as f64);
    }
    for application in shared.applications.all() {
        push_source(&application, &mut samples);
    }
    samples.push_plain(&STATE_PERSISTENT, shared.memory.is_persistent());
    samples.push_plain(&STATE_ERRORS, shared.state_errors.load(Ordering::Relaxed) as f64);
    samples.into_families()
}

fn push_overview(overview: &Overview, samples: &mut Samples) {
    for (target, reachability) in &overview.targets {
        samples.push_some(&UP, &labels([target]), reachability.up);
    }
    for ((target, datname), reachability) in &overview.databases {
        samples.push_some(&DATABASE_UP, &labels([target, datname]), reachability.up);
    }
    for (source, rounds) in &overview.rounds {
        let datname = source.datname.as_deref().unwrap_or_default();
        let names = labels([&source.target, datname, source.collector]);
        samples.push(&INTERVAL, &names, rounds.interval.as_secs_f64());
        samples.push(&ROUNDS, &names, rounds.total as f64);
        samples.push(&FAILURES, &names, rounds.failures as f64);
        let Some(succeeded) = rounds.succeeded else { continue };
        samples.push(&SUCCESS, &names, succeeded);
        if let Some((kind, _)) = &rounds.failure {
            samples.push(&FAILING, &labels([&source.target, datname, source.collector, kind.label()]), 1.0);
        }
        samples.push(&DURATION, &names, rounds.duration.as_secs_f64());
        samples.push_some(&LAST_SUCCESS, &names, rounds.last_success);
        samples.push(&SERIES, &names, rounds.series as f64);
        samples.push(&LEFT_OUT, &names, rounds.left_out as f64);
    }
}

/// What is known of an application's revisions; nothing before the first look.
fn push_source(application: &Application, samples: &mut Samples) {
    let Some(expectation) = application.expectation() else { return };
    let name = labels([application.name()]);
    samples.push(&SOURCE_READABLE, &name, expectation.failure.is_none());
    samples.push_some(&SOURCE_MODIFIED, &name, expectation.modified);
    samples.push_some(&SOURCE_READ, &name, expectation.read);
    samples.push(&SOURCE_EXPECTED_HEADS, &name, application.heads() as f64);
    let Some(graph) = &expectation.graph else { return };
    samples.push(&SOURCE_REVISIONS, &name, graph.len() as f64);
    samples.push(&SOURCE_HEADS, &name, graph.heads().len() as f64);
    samples.push(&SOURCE_EFFECTIVE_HEADS, &name, graph.effective_heads().len() as f64);
    samples.push(&SOURCE_UNPARSABLE, &name, graph.unparsable().len() as f64);
    for kind in Finding::KINDS {
        let found = graph.findings().iter().filter(|finding| finding.kind() == kind);
        samples.push(&SOURCE_FINDINGS, &labels([application.name(), kind]), found.count() as f64);
    }
}
