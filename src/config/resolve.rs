//! From what is written to what is meant: defaults filled in, everything checked, each problem with its place.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

use globset::{Glob, GlobSet, GlobSetBuilder};
use toml::Spanned;

use super::raw::{self, Span};
use super::{
    Activity, Alembic, CollectorSettings, Columns, Config, Connection, Databases, Environment, Log, PasswordSource,
    Secret, Sessions, Tables, Target, VersionTableName, Web, defaults,
};

/// What is wrong, and where in the file.
pub(super) struct Problem {
    pub(super) span: Option<Range<usize>>,
    pub(super) message: String,
}

type Resolved<T> = Result<T, Problem>;

fn problem<T>(at: &Spanned<T>, message: impl Into<String>) -> Problem {
    Problem { span: Some(at.span()), message: message.into() }
}

/// The longest that a statement of ours may wait for a lock: nobody notices so short a wait.
const MAX_LOCK_TIMEOUT: Duration = Duration::from_millis(200);

/// `NAMEDATALEN` less its end: PostgreSQL cuts longer names off.
const MAX_IDENTIFIER: usize = 63;

pub(super) fn resolve(file: raw::File, collectors: &[&str], environment: &Environment) -> Resolved<Config> {
    Ok(Config {
        web: Web { listen: file.web.listen.unwrap_or(defaults::LISTEN) },
        log: Log {
            format: file.log.format.unwrap_or_default(),
            filter: file.log.filter.unwrap_or_else(|| defaults::LOG_FILTER.to_owned()),
        },
        state_dir: file.state_dir.or_else(|| environment.state_dir()),
        sessions: sessions(file.sessions)?,
        targets: targets(file.targets, environment)?,
        collectors: schedules(file.collectors, collectors)?,
        stale_after: number(file.stale_after, defaults::STALE_AFTER, 2, "a value that is fresh must not disappear")?,
        alembic: alembic(&file.alembic)?,
        tables: Tables { max_tables: bound(file.tables.max_tables, defaults::TABLES_MAX_TABLES) },
        columns: Columns { max_columns: bound(file.columns.max_columns, defaults::COLUMNS_MAX_COLUMNS) },
        activity: activity(file.activity)?,
    })
}

/// A bound; 0 stands for none.
fn bound(given: Option<usize>, default: usize) -> usize {
    match given.unwrap_or(default) {
        0 => usize::MAX,
        bound => bound,
    }
}

fn number<T: Copy + PartialOrd + std::fmt::Display>(
    given: Option<Spanned<T>>,
    default: T,
    least: T,
    why: &str,
) -> Resolved<T> {
    match given {
        Some(given) if *given.get_ref() < least => Err(problem(&given, format!("expected at least {least}: {why}"))),
        given => Ok(given.map_or(default, Spanned::into_inner)),
    }
}

fn duration(given: Option<&Spanned<Span>>) -> Resolved<Option<Duration>> {
    match given {
        Some(given) if given.get_ref().0.is_zero() => Err(problem(given, "expected a duration longer than 0")),
        given => Ok(given.map(|given| given.get_ref().0)),
    }
}

fn sessions(raw: raw::Sessions) -> Resolved<Sessions> {
    let lock_timeout = duration(raw.lock_timeout.as_ref())?;
    if let Some(given) = raw.lock_timeout.as_ref().filter(|given| given.get_ref().0 > MAX_LOCK_TIMEOUT) {
        return Err(problem(given, "expected at most 200ms: the exporter never waits behind a migration"));
    }
    if let Some(given) = raw.application_name.as_ref().filter(|given| given.get_ref().len() > MAX_IDENTIFIER) {
        return Err(problem(given, "expected at most 63 bytes: PostgreSQL cuts longer names off"));
    }
    let limit =
        number(raw.max_connections, defaults::SESSIONS_MAX_CONNECTIONS, 1, "without a connection nothing is seen")?;
    Ok(Sessions {
        max_connections: limit,
        connect_timeout: duration(raw.connect_timeout.as_ref())?.unwrap_or(defaults::SESSIONS_CONNECT_TIMEOUT),
        lock_timeout: lock_timeout.unwrap_or(defaults::SESSIONS_LOCK_TIMEOUT),
        application_name: raw
            .application_name
            .map_or_else(|| defaults::SESSIONS_APPLICATION_NAME.to_owned(), Spanned::into_inner),
    })
}

fn schedules(
    raw: BTreeMap<Spanned<String>, raw::Collector>,
    known: &[&str],
) -> Resolved<BTreeMap<String, CollectorSettings>> {
    let mut settings = BTreeMap::new();
    for (name, collector) in raw {
        if !known.contains(&name.get_ref().as_str()) {
            let message = format!("no collector is named {:?}; known are: {}", name.get_ref(), known.join(", "));
            return Err(problem(&name, message));
        }
        let interval = duration(collector.interval.as_ref())?;
        let timeout = duration(collector.timeout.as_ref())?;
        if let (Some(interval), Some(timeout), Some(given)) = (interval, timeout, &collector.timeout)
            && timeout > interval
        {
            return Err(problem(given, "expected at most the interval: a round ends before the next one starts"));
        }
        settings.insert(name.into_inner(), CollectorSettings { enabled: collector.enabled, interval, timeout });
    }
    Ok(settings)
}

fn alembic(raw: &raw::Alembic) -> Resolved<Alembic> {
    let name = |given: &Spanned<String>| {
        let (schema, table) = match given.get_ref().split_once('.') {
            Some((schema, table)) => (Some(schema), table),
            None => (None, given.get_ref().as_str()),
        };
        if table.is_empty() || schema.is_some_and(str::is_empty) {
            return Err(problem(given, "expected \"table\" or \"schema.table\""));
        }
        Ok(VersionTableName { schema: schema.map(str::to_owned), table: table.to_owned() })
    };
    Ok(Alembic {
        version_tables: raw.version_tables.iter().map(name).collect::<Resolved<_>>()?,
        max_tables: bound(raw.max_tables, defaults::ALEMBIC_MAX_TABLES),
    })
}

fn activity(raw: raw::Activity) -> Resolved<Activity> {
    let thresholds = match raw.thresholds {
        None => defaults::ACTIVITY_THRESHOLDS.to_vec(),
        Some(given) => {
            let thresholds: Vec<_> = given.get_ref().iter().map(|span| span.0).collect();
            if !thresholds.is_sorted_by(|shorter, longer| shorter < longer) {
                return Err(problem(&given, "expected durations in ascending order, each once"));
            }
            thresholds
        }
    };
    Ok(Activity { thresholds, max_groups: bound(raw.max_groups, defaults::ACTIVITY_MAX_GROUPS) })
}

fn targets(raw: Spanned<Vec<raw::Target>>, environment: &Environment) -> Resolved<Vec<Target>> {
    if raw.get_ref().is_empty() {
        return Err(problem(&raw, "expected at least one target"));
    }
    let mut targets: Vec<Target> = Vec::new();
    for raw in raw.into_inner() {
        if raw.name.get_ref().is_empty() || targets.iter().any(|target| target.name == *raw.name.get_ref()) {
            return Err(problem(&raw.name, "expected a name that no other target has: it tells their series apart"));
        }
        targets.push(target(raw, environment)?);
    }
    Ok(targets)
}

fn target(raw: raw::Target, environment: &Environment) -> Resolved<Target> {
    let connection = Connection::from_conninfo(raw.connection.get_ref(), environment)
        .and_then(|connection| connection.check_files().map(|()| connection))
        .map_err(|error| problem(&raw.connection, error.to_string()))?;
    let password = password(&raw, environment)?.unwrap_or_else(|| connection.password.clone());
    let why = "without a connection nothing is seen";
    Ok(Target {
        max_connections: number(raw.max_connections, defaults::TARGET_MAX_CONNECTIONS, 1, why)?,
        databases: databases(raw.databases, raw.include, raw.exclude)?,
        name: raw.name.into_inner(),
        connection: Connection { password, ..connection },
    })
}

fn password(raw: &raw::Target, environment: &Environment) -> Resolved<Option<PasswordSource>> {
    match (&raw.password, &raw.password_env, &raw.password_file) {
        (None, None, None) => Ok(None),
        (Some(text), None, None) => Ok(Some(PasswordSource::Text(Secret::new(text)))),
        (None, Some(name), None) => match environment.get(name.get_ref()) {
            Some(text) => Ok(Some(PasswordSource::Text(Secret::new(text)))),
            None => Err(problem(name, format!("the environment variable {} is not set", name.get_ref()))),
        },
        (None, None, Some(file)) => check_password_file(file).map(|file| Some(PasswordSource::File(file))),
        _ => Err(problem(&raw.name, "expected one of password, password_env and password_file")),
    }
}

fn check_password_file(file: &Spanned<PathBuf>) -> Resolved<PathBuf> {
    match std::fs::File::open(file.get_ref()) {
        Ok(_) => Ok(file.get_ref().clone()),
        Err(error) => Err(problem(file, format!("read password file {}: {error}", file.get_ref().display()))),
    }
}

fn databases(
    named: Option<Spanned<Vec<String>>>,
    include: Option<Vec<Spanned<String>>>,
    exclude: Option<Vec<Spanned<String>>>,
) -> Resolved<Databases> {
    let Some(named) = named else {
        let include = include.map(|globs| glob_set(&globs)).transpose()?;
        return Ok(Databases::Discovered { include, exclude: glob_set(&exclude.unwrap_or_default())? });
    };
    if include.is_some() || exclude.is_some() {
        return Err(problem(&named, "expected either databases, or include and exclude"));
    }
    if named.get_ref().is_empty() {
        return Err(problem(&named, "expected at least one database; leave the key out to watch all of them"));
    }
    Ok(Databases::Named(named.into_inner()))
}

fn glob_set(globs: &[Spanned<String>]) -> Resolved<GlobSet> {
    let mut set = GlobSetBuilder::new();
    for glob in globs {
        set.add(Glob::new(glob.get_ref()).map_err(|error| problem(glob, error.to_string()))?);
    }
    set.build().map_err(|error| Problem { span: None, message: error.to_string() })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::config::parse;

    const COLLECTORS: &[&str] = &["alembic", "locks"];
    const TARGET: &str = "[[targets]]\nname = 'main'\nconnection = 'host=db user=me'\n";

    fn load(text: &str) -> Result<Config, String> {
        let environment = Environment::of([("SECRET", "hunter2"), ("STATE_DIRECTORY", "/var/lib/pgwarden:/other")]);
        parse(text, "config.toml", COLLECTORS, &environment).map_err(|error| error.to_string())
    }

    fn with(text: &str) -> Result<Config, String> {
        load(&format!("{text}\n{TARGET}"))
    }

    #[test]
    fn a_target_is_enough() {
        let config = load(TARGET).unwrap();
        assert_eq!(config.web, Web::default());
        assert_eq!(config.sessions, Sessions::default());
        assert_eq!(config.targets[0].max_connections, defaults::TARGET_MAX_CONNECTIONS);
        assert_eq!(config.state_dir, Some("/var/lib/pgwarden".into()));
    }

    #[test]
    fn an_error_names_file_line_column_and_what_was_expected() {
        for (text, expected) in [
            ("[web]\nport = 1", "config.toml:2:1: unknown field `port`"),
            (
                "[collectors.lokcs]\nenabled = true",
                "config.toml:1:13: no collector is named \"lokcs\"; known are: alembic",
            ),
            ("[collectors.locks]\ninterval = 30", "config.toml:2:12: invalid type: integer"),
            ("[collectors.locks]\ninterval = \"0s\"", "config.toml:2:12: expected a duration longer than 0"),
            (
                "[collectors.locks]\ninterval = \"1s\"\ntimeout = \"2s\"",
                "config.toml:3:11: expected at most the interval",
            ),
            ("[sessions]\nlock_timeout = \"1s\"", "config.toml:2:16: expected at most 200ms"),
            ("[activity]\nthresholds = [\"5m\", \"1m\"]", "config.toml:2:14: expected durations in ascending order"),
            ("stale_after = 1", "config.toml:1:15: expected at least 2"),
            ("[web]\nlisten = \"0.0.0.0:99999\"", "config.toml:2:10: invalid socket address"),
        ] {
            let error = with(text).unwrap_err();
            assert!(error.starts_with(expected), "{error}");
        }
    }

    #[test]
    fn two_targets_of_one_name_are_refused() {
        assert!(load(&format!("{TARGET}{TARGET}")).unwrap_err().starts_with("config.toml:5:8: expected a name"));
        assert!(load("targets = []").unwrap_err().contains("at least one target"));
    }

    #[test]
    fn a_password_comes_from_the_environment_and_never_shows() {
        let config = load(&format!("{TARGET}password_env = 'SECRET'")).unwrap();
        assert_eq!(config.targets[0].connection.password, PasswordSource::Text(Secret::new("hunter2")));
        assert!(!format!("{config:?}").contains("hunter2"));
        assert!(load(&format!("{TARGET}password_env = 'MISSING'")).unwrap_err().contains("MISSING is not set"));
        assert!(load(&format!("{TARGET}password_file = '/no/such'")).unwrap_err().contains("/no/such"));
    }

    #[test]
    fn databases_are_named_or_found() {
        let named = load(&format!("{TARGET}databases = ['app']")).unwrap();
        assert!(matches!(&named.targets[0].databases, Databases::Named(names) if names == &["app"]));
        let found = load(&format!("{TARGET}include = ['app*']\nexclude = ['*_test']")).unwrap();
        let Databases::Discovered { include: Some(include), exclude } = &found.targets[0].databases else { panic!() };
        assert!(include.is_match("app_one") && exclude.is_match("app_test") && !exclude.is_match("app"));
        assert!(load(&format!("{TARGET}include = ['[']")).unwrap_err().starts_with("config.toml:4:12"));
    }

    #[test]
    fn a_bound_of_zero_is_none() {
        assert_eq!(with("[tables]\nmax_tables = 0").unwrap().tables.max_tables, usize::MAX);
    }

    #[test]
    fn the_commented_configuration_is_complete_and_shows_the_defaults() {
        let text = include_str!("../../config.toml");
        // Where a key stands in a comment, its value is the default.
        let uncommented: Vec<_> = text
            .lines()
            .map(|line| line.strip_prefix('#').filter(|rest| !rest.starts_with(' ')).unwrap_or(line))
            .filter(|line| !line.starts_with("password_file") && !line.starts_with("databases"))
            .collect();
        let names = crate::collectors::names();
        let environment = Environment::of([("PGWARDEN_PASSWORD", "x")]);
        let shown = parse(&uncommented.join("\n"), "config.toml", &names, &environment).unwrap();
        let built_in = parse(TARGET, "config.toml", &names, &environment).unwrap();
        assert_eq!(shown.web, built_in.web);
        assert_eq!(shown.log, built_in.log);
        assert_eq!(shown.sessions, built_in.sessions);
        assert_eq!(shown.stale_after, built_in.stale_after);
        assert_eq!(shown.tables, built_in.tables);
        assert_eq!(shown.columns, built_in.columns);
        assert_eq!(shown.activity, built_in.activity);
        assert_eq!(shown.alembic.max_tables, built_in.alembic.max_tables);
        assert_eq!(shown.targets[0].max_connections, built_in.targets[0].max_connections);
        for collector in crate::collectors::ALL.iter().map(|collector| collector.profile()) {
            let expected = CollectorSettings {
                enabled: Some(true),
                interval: Some(collector.interval),
                timeout: Some(collector.timeout),
            };
            assert_eq!(shown.collectors.get(collector.name), Some(&expected), "{}", collector.name);
        }
        parse(text, "config.toml", &names, &Environment::of([("PGWARDEN_PASSWORD", "x")])).unwrap();
    }

    proptest! {
        #[test]
        fn any_text_is_a_configuration_or_an_error(text in any::<String>()) {
            let _ = load(&text);
        }
    }
}
