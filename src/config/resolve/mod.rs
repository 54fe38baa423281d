//! Judges the file as it is written and fills its gaps with the defaults.

mod application;
mod target;
mod version_table;

use std::collections::BTreeMap;
use std::fmt::Display;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use toml::Spanned;

use super::error::Fault;
use super::raw::{self, Maybe, Period};
use super::{
    Activity, Alembic, CollectorSettings, Columns, Config, Environment, Log, Migrations, Sessions, Tables, Web,
    defaults,
};

/// Most connections that may be configured: without one nothing is seen, and more help nobody.
const CONNECTIONS_LIMIT: usize = 10_000;
/// Longest identifier that PostgreSQL keeps whole, in bytes.
const IDENTIFIER_BYTES: usize = 63;
/// Longest wait for a lock that may be configured: everybody who comes after us in the queue waits as long.
const LOCK_TIMEOUT_LIMIT: Duration = Duration::from_millis(200);
/// Shortest time-out: PostgreSQL takes whole milliseconds, and 0 for none.
const MILLISECOND: Duration = Duration::from_millis(1);
/// Shortest time from one look to the next.
const SECOND: Duration = Duration::from_secs(1);
/// Longest duration that may be configured, far below the limits of every clock and of PostgreSQL's settings.
const LONGEST: Duration = Duration::from_hours(24);
/// Each threshold multiplies the series of the activity metrics.
const THRESHOLDS_LIMIT: usize = 10;

/// The configuration that the file describes.
pub(super) fn config(file: raw::File, collectors: &[&str], environment: &Environment) -> Result<Config, Fault> {
    Ok(Config {
        web: web(file.web)?,
        log: log(file.log)?,
        state_dir: state_dir(file.state_dir, environment)?,
        sessions: sessions(file.sessions)?,
        targets: target::targets(file.targets, environment)?,
        collectors: collector_settings(file.collectors, collectors)?,
        stale_after: at_least(2, file.stale_after, "a value that is fresh must not disappear")?
            .unwrap_or(defaults::STALE_AFTER),
        alembic: alembic(file.alembic)?,
        tables: Tables { max_tables: bound(file.tables.max_tables, defaults::TABLES_MAX_TABLES) },
        columns: Columns { max_columns: bound(file.columns.max_columns, defaults::COLUMNS_MAX_COLUMNS) },
        activity: activity(file.activity)?,
        migrations: migrations(&file.migrations)?,
    })
}

fn web(raw: raw::Web) -> Result<Web, Fault> {
    let Some(listen) = raw.listen else {
        return Ok(Web::default());
    };
    let address = listen.get_ref().parse::<SocketAddr>().map_err(|_| {
        let expected = "expected an IP address and a port from 0 to 65535 such as \"0.0.0.0:19187\" or \"[::1]:19187\"";
        Fault::of(&listen, expected)
    })?;
    Ok(Web { listen: address })
}

fn log(raw: raw::Log) -> Result<Log, Fault> {
    let default = Log::default();
    let filter = match raw.filter {
        Some(filter) => {
            tracing_subscriber::EnvFilter::builder().parse(filter.get_ref()).map_err(|error| {
                Fault::of(&filter, format!("expected a log filter such as \"info\" or \"pgwarden=debug\": {error}"))
            })?;
            filter.into_inner()
        }
        None => default.filter,
    };
    Ok(Log { format: raw.format.unwrap_or(default.format), filter })
}

fn state_dir(raw: Maybe<PathBuf>, environment: &Environment) -> Result<Option<PathBuf>, Fault> {
    match raw {
        Some(folder) if folder.get_ref().as_os_str().is_empty() => {
            Err(Fault::of(&folder, "expected a folder: leave state_dir out to keep nothing"))
        }
        Some(folder) => Ok(Some(folder.into_inner())),
        None => Ok(environment.state_dir()),
    }
}

fn sessions(raw: raw::Sessions) -> Result<Sessions, Fault> {
    let default = Sessions::default();
    Ok(Sessions {
        max_connections: connections(raw.max_connections)?.unwrap_or(default.max_connections),
        connect_timeout: period(raw.connect_timeout.as_ref(), MILLISECOND, LONGEST)?.unwrap_or(default.connect_timeout),
        lock_timeout: period(raw.lock_timeout.as_ref(), MILLISECOND, LOCK_TIMEOUT_LIMIT)?
            .unwrap_or(default.lock_timeout),
        application_name: match raw.application_name {
            Some(name) => identifier(name)?,
            None => default.application_name,
        },
    })
}

fn alembic(raw: raw::Alembic) -> Result<Alembic, Fault> {
    let names = raw.version_tables.unwrap_or_default();
    Ok(Alembic {
        version_tables: names.iter().map(version_table::parse).collect::<Result<_, _>>()?,
        max_tables: bound(raw.max_tables, defaults::ALEMBIC_MAX_TABLES),
        refresh: period(raw.refresh.as_ref(), SECOND, LONGEST)?.unwrap_or(defaults::ALEMBIC_REFRESH),
        applications: application::applications(raw.applications)?,
    })
}

fn activity(raw: raw::Activity) -> Result<Activity, Fault> {
    let default = Activity::default();
    Ok(Activity {
        thresholds: raw.thresholds.map_or(Ok(default.thresholds), thresholds)?,
        max_groups: bound(raw.max_groups, default.max_groups),
    })
}

fn migrations(raw: &raw::Migrations) -> Result<Migrations, Fault> {
    let default = Migrations::default();
    Ok(Migrations {
        stuck_after: period(raw.stuck_after.as_ref(), MILLISECOND, LONGEST)?.unwrap_or(default.stuck_after),
        applications: raw.applications.as_ref().map_or(Ok(default.applications), target::globs)?,
        users: raw.users.as_ref().map_or(Ok(default.users), target::globs)?,
        max_migrations: bound(raw.max_migrations, default.max_migrations),
    })
}

fn thresholds(list: Spanned<Vec<Spanned<Period>>>) -> Result<Vec<Duration>, Fault> {
    if !(1..=THRESHOLDS_LIMIT).contains(&list.get_ref().len()) {
        return Err(Fault::of(&list, format!("expected 1 to {THRESHOLDS_LIMIT} thresholds")));
    }
    let mut ascending: Vec<Duration> = Vec::new();
    for threshold in list.into_inner() {
        let duration = threshold.get_ref().0;
        if duration.is_zero() || ascending.last().is_some_and(|last| duration <= *last) {
            return Err(Fault::of(&threshold, "expected thresholds above zero in ascending order, each once"));
        }
        ascending.push(duration);
    }
    Ok(ascending)
}

fn collector_settings(
    raw: BTreeMap<Spanned<String>, raw::Collector>,
    known: &[&str],
) -> Result<BTreeMap<String, CollectorSettings>, Fault> {
    raw.into_iter()
        .map(|(name, collector)| {
            if !known.contains(&name.get_ref().as_str()) {
                let message = format!("unknown collector \"{}\", expected one of {}", name.get_ref(), known.join(", "));
                return Err(Fault::of(&name, message));
            }
            let interval = period(collector.interval.as_ref(), SECOND, LONGEST)?;
            let timeout = period(collector.timeout.as_ref(), MILLISECOND, LONGEST)?;
            if let (Some(given), Some(interval)) = (&collector.timeout, interval)
                && given.get_ref().0 > interval
            {
                return Err(Fault::of(given, "expected at most the interval: a round ends before the next one starts"));
            }
            let settings = CollectorSettings { enabled: collector.enabled, interval, timeout };
            Ok((name.into_inner(), settings))
        })
        .collect()
}

/// A bound on series: 0 stands for none.
fn bound(value: Option<usize>, default: usize) -> usize {
    match value {
        Some(0) => usize::MAX,
        Some(bound) => bound,
        None => default,
    }
}

/// A number with a lower limit, and the reason for it.
fn at_least<T: Copy + PartialOrd + Display>(least: T, value: Maybe<T>, why: &str) -> Result<Option<T>, Fault> {
    match value {
        Some(value) if *value.get_ref() < least => Err(Fault::of(&value, format!("expected at least {least}: {why}"))),
        value => Ok(value.map(Spanned::into_inner)),
    }
}

/// A number of connections.
fn connections(value: Maybe<usize>) -> Result<Option<usize>, Fault> {
    match value {
        Some(value) if !(1..=CONNECTIONS_LIMIT).contains(value.get_ref()) => {
            Err(Fault::of(&value, format!("expected 1 to {CONNECTIONS_LIMIT} connections")))
        }
        value => Ok(value.map(Spanned::into_inner)),
    }
}

/// A duration between two others, both included.
fn period(value: Option<&Spanned<Period>>, least: Duration, most: Duration) -> Result<Option<Duration>, Fault> {
    let Some(value) = value else { return Ok(None) };
    let duration = value.get_ref().0;
    if (least..=most).contains(&duration) {
        return Ok(Some(duration));
    }
    let (least, most) = (humantime::format_duration(least), humantime::format_duration(most));
    Err(Fault::of(value, format!("expected a duration from {least} to {most}")))
}

/// A name as PostgreSQL keeps it: not empty, nothing that it would cut off, no control characters.
fn identifier(name: Spanned<String>) -> Result<String, Fault> {
    let text = name.get_ref();
    if text.is_empty() || text.len() > IDENTIFIER_BYTES || text.contains(char::is_control) {
        let message = format!("expected a name of 1 to {IDENTIFIER_BYTES} bytes without control characters");
        return Err(Fault::of(&name, message));
    }
    Ok(name.into_inner())
}

#[cfg(test)]
mod tests;
