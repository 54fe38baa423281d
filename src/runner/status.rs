//! How the rounds went, as metrics of the exporter itself.

use std::sync::atomic::Ordering;

use super::{Overview, Runner, Shared};
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
    samples.push_plain(&STATE_PERSISTENT, flag(shared.memory.is_persistent()));
    samples.push_plain(&STATE_ERRORS, shared.state_errors.load(Ordering::Relaxed) as f64);
    samples.into_families()
}

fn push_overview(overview: &Overview, samples: &mut Samples) {
    for (target, reachability) in &overview.targets {
        samples.push(&UP, &labels([target]), flag(reachability.up == Some(true)));
    }
    for ((target, datname), reachability) in &overview.databases {
        samples.push(&DATABASE_UP, &labels([target, datname]), flag(reachability.up == Some(true)));
    }
    for (source, rounds) in &overview.rounds {
        let Some(succeeded) = rounds.succeeded else { continue };
        let datname = source.datname.as_deref().unwrap_or_default();
        let names = labels([&source.target, datname, source.collector]);
        samples.push(&SUCCESS, &names, flag(succeeded));
        if let Some((kind, _)) = &rounds.failure {
            samples.push(&FAILING, &labels([&source.target, datname, source.collector, kind.label()]), 1.0);
        }
        samples.push(&ROUNDS, &names, rounds.total as f64);
        samples.push(&FAILURES, &names, rounds.failures as f64);
        samples.push(&DURATION, &names, rounds.duration.as_secs_f64());
        samples.push_some(&LAST_SUCCESS, &names, rounds.last_success);
        samples.push(&SERIES, &names, rounds.series as f64);
        samples.push(&LEFT_OUT, &names, rounds.left_out as f64);
    }
}

fn flag(condition: bool) -> f64 {
    f64::from(u8::from(condition))
}
