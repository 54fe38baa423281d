use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::alembic::scripts::Source;
use crate::config::{Databases, PasswordSource, Secret, parse};

const COLLECTORS: &[&str] = &["alembic", "locks"];
const TARGET: &str = "[[targets]]\nname = 'main'\nconnection = 'host=db user=me'\n";
const DOCUMENTED: &str = include_str!("../../../config.toml");

fn load(text: &str) -> Result<Config, String> {
    let environment = Environment::of([("SECRET", "hunter2"), ("STATE_DIRECTORY", "/var/lib/pgwarden:/other")]);
    parse(text, "config.toml", COLLECTORS, &environment).map_err(|error| error.to_string())
}

fn with(text: &str) -> Result<Config, String> {
    load(&format!("{text}\n{TARGET}"))
}

fn load_documented(text: &str) -> Result<Config, String> {
    let environment = Environment::of([("USER", "me"), ("PGWARDEN_PASSWORD", "hunter2")]);
    parse(text, "config.toml", &crate::collectors::names(), &environment).map_err(|error| error.to_string())
}

#[test]
fn a_target_is_enough() {
    let config = load(TARGET).unwrap();
    assert_eq!(config.web, Web::default());
    assert_eq!(config.sessions, Sessions::default());
    assert_eq!(config.targets[0].max_connections, defaults::TARGET_MAX_CONNECTIONS);
    assert!(matches!(config.targets[0].databases, Databases::Discovered { include: None, .. }));
    assert_eq!(config.state_dir, Some("/var/lib/pgwarden".into()));
}

#[test]
fn an_error_names_file_line_column_and_what_was_expected() {
    for (text, expected) in [
        ("[web]\nport = 1", "2:1: unknown field `port`, expected `listen`"),
        ("[web", "1:5: "),
        ("[web]\nlisten = '0.0.0.0:99999'", "2:10: expected an IP address and a port from 0 to 65535"),
        ("[log]\nformat = 'xml'", "2:10: unknown variant `xml`, expected `text` or `json`"),
        ("[log]\nfilter = 'pgwarden=loud'", "2:10: expected a log filter such as"),
        ("stale_after = 1", "1:15: expected at least 2"),
        ("stale_after = -1", "1:15: expected a whole number, 0 or more, found an integer"),
        ("state_dir = ''", "1:13: expected a folder"),
        ("[sessions]\nmax_connections = 0", "2:19: expected 1 to 10000 connections"),
        ("[sessions]\nmax_connections = 9223372036854775807", "2:19: expected 1 to 10000 connections"),
        ("[sessions]\nconnect_timeout = '0s'", "2:19: expected a duration from 1ms to 1day"),
        ("[sessions]\nlock_timeout = '1s'", "2:16: expected a duration from 1ms to 200ms"),
        ("[sessions]\nlock_timeout = '999us'", "2:16: expected a duration from 1ms to 200ms"),
        ("[sessions]\napplication_name = ''", "2:20: expected a name of 1 to 63 bytes"),
        ("[alembic]\nversion_tables = ['a', 'a.b.c']", "2:24: expected \"table\" or \"schema.table\""),
        ("[alembic]\nrefresh = '10ms'", "2:11: expected a duration from 1s to 1day"),
        ("[activity]\nthresholds = ['5m', '1m']", "2:21: expected thresholds above zero in ascending order"),
        ("[activity]\nthresholds = ['0s']", "2:15: expected thresholds above zero"),
        ("[activity]\nthresholds = []", "2:14: expected 1 to 10 thresholds"),
        ("[activity]\nthresholds = '5m'", "2:14: expected a list, found a string"),
        ("[collectors.lokcs]\nenabled = true", "1:13: unknown collector \"lokcs\", expected one of alembic, locks"),
        ("[collectors.locks]\nenabled = 1", "2:11: expected a boolean, found an integer"),
        ("[collectors.locks]\ninterval = 30", "2:12: expected a duration with its unit such as \"30s\""),
        ("[collectors.locks]\ninterval = '30'", "2:12: expected a duration with its unit such as \"30s\""),
        ("[collectors.locks]\ninterval = '0s'", "2:12: expected a duration from 1s to 1day"),
        ("[collectors.locks]\ninterval = '2s'\ntimeout = '3s'", "3:11: expected at most the interval"),
        ("# ä\nä = 1", "2:1: "),
        ("log = { format = 'text', 'ä' = 1 }", "1:26: unknown field"),
    ] {
        let error = with(text).unwrap_err();
        assert!(error.starts_with(&format!("config.toml:{expected}")), "{text}: {error}");
        assert!(!error.contains('\n'), "{error}");
    }
}

#[test]
fn an_error_of_a_target_has_its_place() {
    for (line, expected) in [
        ("max_connections = 0", "4:19: expected 1 to 10000 connections"),
        ("databases = []", "4:13: expected at least one database"),
        ("databases = ['a', 'a']", "4:19: this database is named twice"),
        ("include = ['[']", "4:12: expected a pattern such as \"app_*\""),
        ("include = []", "4:11: expected at least one pattern"),
        ("databases = ['a']\nexclude = ['b']", "4:13: expected either databases, or include and exclude"),
        ("password_env = 'MISSING'", "4:16: the environment variable MISSING is not set"),
        ("password_file = '/no/such'", "4:17: cannot read the password file /no/such: "),
        ("password = 'a'\npassword_env = 'SECRET'", "5:16: expected only one of password,"),
        ("colour = 'red'", "4:1: unknown field `colour`"),
    ] {
        let error = load(&format!("{TARGET}{line}")).unwrap_err();
        assert!(error.starts_with(&format!("config.toml:{expected}")), "{line}: {error}");
    }
}

#[test]
fn an_application_is_where_its_patterns_fit() {
    let lines = "databases = ['shop', 'shop_*']\nschemas = ['public']\ntables = ['*_version']";
    let config = with(&format!("[[alembic.applications]]\nname = 'shop'\nscripts = ['a', 'b']\n{lines}")).unwrap();
    let application = &config.alembic.applications[0];
    let source = Source::Folders { folders: vec!["a".into(), "b".into()], recursive: false };
    assert_eq!((&application.source, application.heads), (&source, 1));
    assert!(application.is_in("main", "shop_eu") && !application.is_in("main", "shopping"));
    assert!(application.claims("public", "alembic_version") && !application.claims("tenant", "alembic_version"));
    assert_eq!((application.schemas.name(), application.tables.name()), (Some("public"), None));
    assert!(application.databases.are_configured() && !application.targets.are_configured());
}

#[test]
fn an_error_of_an_application_has_its_place() {
    for (lines, expected) in [
        ("", "2:8: expected one of scripts, configuration and manifest"),
        ("scripts = ['a']\nmanifest = 'b'", "2:8: expected one of scripts, configuration and manifest"),
        ("scripts = []", "3:11: expected at least one folder"),
        ("scripts = ['']", "3:12: expected a path"),
        ("manifest = ''", "3:12: expected a path"),
        ("manifest = 'a'\nrecursive = true", "4:13: recursive means something with scripts only"),
        ("manifest = 'a'\nsection = 'b'", "4:11: section means something with configuration only"),
        ("manifest = 'a'\nheads = 0", "4:9: expected at least 1"),
        ("manifest = 'a'\nschemas = []", "4:11: expected at least one pattern"),
        ("manifest = 'a'\ntables = ['[']", "4:11: expected a pattern such as"),
        ("manifest = 'a'\ncolour = 'red'", "4:1: unknown field `colour`"),
        (
            "manifest = 'a'\n[[alembic.applications]]\nname = 'shop'\nmanifest = 'a'",
            "5:8: the application name \"shop\" is taken",
        ),
    ] {
        let error = with(&format!("[[alembic.applications]]\nname = 'shop'\n{lines}")).unwrap_err();
        assert!(error.starts_with(&format!("config.toml:{expected}")), "{lines}: {error}");
    }
}

/// The configuration with the example of an application, which stands in a comment as there is none by default.
fn with_documented_application() -> String {
    let lines = DOCUMENTED.lines().map(|line| match line {
        "# [[alembic.applications]]" => "[[alembic.applications]]",
        _ => line.strip_prefix("#   ").filter(|rest| !rest.starts_with('#')).unwrap_or(line),
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn the_documented_application_is_valid() {
    let config = load_documented(&with_documented_application()).unwrap();
    assert_eq!(config.alembic.applications[0].name, "shop");
}

#[test]
fn targets_are_there_and_differ_in_name() {
    assert!(load(&format!("{TARGET}{TARGET}")).unwrap_err().starts_with("config.toml:5:8: the target name \"main\""));
    assert!(load("").unwrap_err().starts_with("config.toml:1:1: no target"));
    assert!(load("targets = []").unwrap_err().contains("no target"));
    assert!(load("[[targets]]\nconnection = ''").unwrap_err().starts_with("config.toml:1:1: missing field `name`"));
    assert!(load("[[targets]]\nname = ''\nconnection = 'user=me'").unwrap_err().contains(":2:8: expected a name"));
}

#[test]
fn a_connection_is_checked_with_its_files() {
    let error = |text: &str| load(&format!("[[targets]]\nname = 'a'\nconnection = '{text}'")).unwrap_err();
    let missing = error("user=me sslmode=verify-full sslrootcert=/no/such.crt");
    assert!(missing.starts_with("config.toml:3:14: cannot read the file /no/such.crt of"), "{missing}");
    assert!(error("user=me prot=1").starts_with("config.toml:3:14: unknown connection parameter \"prot\""));
    assert!(error("user=me port=70000").contains("a number from 1 to 65535"));
}

#[test]
fn a_password_comes_from_the_environment_or_a_file_and_never_shows() {
    let config = load(&format!("{TARGET}password_env = 'SECRET'")).unwrap();
    assert_eq!(config.targets[0].connection.password, PasswordSource::Text(Secret::new("hunter2")));
    assert!(!format!("{config:?}").contains("hunter2"));
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "hunter2\n").unwrap();
    let config = load(&format!("{TARGET}password_file = '{}'", file.path().display())).unwrap();
    assert_eq!(config.targets[0].connection.password, PasswordSource::File(file.path().to_owned()));
}

#[test]
fn no_error_repeats_a_secret_that_stands_in_a_wrong_place() {
    let target = |lines: &str| format!("[[targets]]\nname = 'a'\n{lines}");
    for text in [
        "targets = 'postgresql://me:hunter2@db/app'".to_owned(),
        "targets = ['postgresql://me:hunter2@db/app']".to_owned(),
        "[targets]\nconnection = 'postgresql://me:hunter2@db/app'".to_owned(),
        "web = 'postgresql://me:hunter2@db/app'".to_owned(),
        target("connection = 'host=db password=my hunter2'"),
        target("connection = 'host=db password=my hunter2=x'"),
        target("connection = 'postgresql://me:hunter2/x@db/app'"),
        target("connection = 'postgresql://me:hunter2:db/app'"),
        target("connection = 'mysql://me:hunter2@db/app?ssl=1'"),
        target("connection = { password = 'hunter2' }"),
        target("connection = ''\npassword = ['hunter2']"),
        target("connection = 'hunter2"),
        target("connection = hunter2"),
        target("connection = 'host=db'\npassword = 'hunter2' x"),
        target("connection = 'host=db'\npassword_file = { path = 'hunter2' }"),
        target("connection = 'host=db'\ndatabases = 'hunter2'"),
    ] {
        let error = load(&text).unwrap_err();
        assert!(!error.contains("hunter2"), "{text}: {error}");
    }
}

#[test]
fn databases_are_named_or_found() {
    let named = load(&format!("{TARGET}databases = ['app']")).unwrap();
    assert!(matches!(&named.targets[0].databases, Databases::Named(names) if names == &["app"]));
    let found = load(&format!("{TARGET}include = ['app*']\nexclude = ['*_test']")).unwrap();
    let Databases::Discovered { include: Some(include), exclude } = &found.targets[0].databases else { panic!() };
    assert!(include.is_match("app_one") && exclude.is_match("app_test") && !exclude.is_match("app"));
}

#[test]
fn a_bound_of_zero_is_none() {
    assert_eq!(with("[tables]\nmax_tables = 0").unwrap().tables.max_tables, usize::MAX);
}

#[test]
fn the_folder_in_the_file_is_stronger_than_the_environments() {
    assert_eq!(with("state_dir = '/srv/state'").unwrap().state_dir, Some("/srv/state".into()));
}

#[test]
fn without_a_file_the_target_is_named_after_its_host() {
    let name = |url: &str| {
        let environment = Environment::of([("USER", "me"), ("DATABASE_URL", url)]);
        Config::from_environment(&environment).unwrap().targets.remove(0).name
    };
    assert_eq!(name("postgresql://db1.example.org/app"), "db1.example.org");
    assert_eq!(name("postgresql://db1,db2:5433/app"), "db1");
    assert_eq!(name("postgresql://[::1]:6000/app"), "[::1]:6000");
    assert_eq!(name("host=/srv/socket port=5433"), "localhost:5433");
    assert_eq!(name(""), "localhost");
}

#[test]
fn without_a_file_all_databases_are_watched_and_for_a_command_the_one_that_is_named() {
    let environment = Environment::of([("USER", "me"), ("PGHOST", "db1"), ("PGDATABASE", "app")]);
    let exporter = Config::from_environment(&environment).unwrap();
    assert!(matches!(&exporter.targets[0].databases, Databases::Discovered { include: None, .. }));
    for (text, datname) in [(None, "app"), (Some("dbname=other"), "other")] {
        let command = Config::for_connection(text, &environment).unwrap();
        assert!(matches!(&command.targets[0].databases, Databases::Named(names) if names == &[datname]));
    }
}

#[test]
fn an_error_outside_of_a_file_says_where_it_is_and_is_complete() {
    let environment = Environment::of([("USER", "me"), ("DATABASE_URL", "mysql://db")]);
    let error = format!("{:#}", anyhow::Error::new(Config::from_environment(&environment).unwrap_err()));
    assert!(error.starts_with("DATABASE_URL: expected the scheme \"postgresql://\""), "{error}");
    let missing = std::path::Path::new("/no/such.toml");
    let error = anyhow::Error::new(crate::config::load(missing, COLLECTORS, &environment).unwrap_err());
    let error = format!("{error:#}");
    assert_eq!(error.matches("No such file").count(), 1, "{error}");
}

/// Removes the sign before what is a default.
fn uncommented(line: &str) -> &str {
    line.strip_prefix('#').filter(|rest| rest.starts_with(|first: char| first.is_ascii_lowercase())).unwrap_or(line)
}

#[test]
fn the_documented_configuration_loads_as_it_is() {
    load_documented(DOCUMENTED).unwrap();
}

#[test]
fn the_documented_defaults_are_the_defaults() {
    let text: Vec<_> = DOCUMENTED.lines().map(uncommented).collect();
    let mut shown = load_documented(&text.join("\n")).unwrap();
    let schedules = crate::collectors::ALL.iter().map(|collector| collector.profile()).map(|profile| {
        let (interval, timeout) = (Some(profile.interval), Some(profile.timeout));
        (profile.name.to_owned(), CollectorSettings { enabled: Some(true), interval, timeout })
    });
    assert_eq!(std::mem::take(&mut shown.collectors), schedules.collect::<BTreeMap<_, _>>());
    let built_in = "[[targets]]\nname = 'main'\nconnection = 'host=localhost user=pgwarden dbname=postgres'";
    assert_eq!(format!("{shown:#?}"), format!("{:#?}", load_documented(built_in).unwrap()));
}

#[test]
fn every_documented_example_is_valid() {
    let lines: Vec<_> = DOCUMENTED.lines().collect();
    let examples = lines.iter().enumerate().filter_map(|(number, line)| {
        let example = line.strip_prefix("# ")?;
        let key = example.split_once(" = ")?.0;
        key.chars()
            .all(|character| character.is_ascii_lowercase() || character == '_')
            .then_some((number, key, example))
    });
    let mut tried = 0;
    for (number, key, example) in examples {
        let mut text: Vec<_> = lines.iter().filter(|line| !line.starts_with(&format!("{key} = "))).copied().collect();
        let removed = lines[..number].iter().filter(|line| line.starts_with(&format!("{key} = "))).count();
        text[number - removed] = example;
        match load_documented(&text.join("\n")) {
            Err(error) if !error.contains("cannot read the password file") => panic!("{example}: {error}"),
            _ => tried += 1,
        }
    }
    assert!(tried >= 8, "{tried}");
}

#[test]
fn every_key_is_documented_in_its_section() {
    let mut documented = BTreeSet::new();
    let mut section = "";
    let text = with_documented_application();
    for line in text.lines() {
        if line.starts_with('[') {
            section = line;
        }
        let line = line.trim_start_matches(['#', ' ']);
        documented.extend(line.split_once(" = ").map(|(key, _)| (section, key)));
    }
    let mut sections =
        vec!["", "[web]", "[log]", "[sessions]", "[alembic]", "[tables]", "[columns]", "[activity]", "[migrations]"];
    let collectors: Vec<_> =
        crate::collectors::names().into_iter().map(|name| format!("[collectors.{name}]")).collect();
    sections.extend(collectors.iter().map(String::as_str));
    sections.extend(["[[alembic.applications]]", "[[targets]]"]);
    for section in sections {
        let error = load_documented(&format!("{section}\nnonsense = 1")).unwrap_err();
        let keys: Vec<_> = error.split('`').skip(3).step_by(2).collect();
        assert!(!keys.is_empty(), "{error}");
        for key in keys.into_iter().filter(|key| !sections_of_the_file().contains(key)) {
            assert!(documented.contains(&(section, key)), "{section} {key} is not documented");
        }
    }
}

/// Keys at the top of the file that are sections, and so stand in a line of their own.
fn sections_of_the_file() -> [&'static str; 11] {
    [
        "web",
        "log",
        "sessions",
        "alembic",
        "applications",
        "tables",
        "columns",
        "activity",
        "migrations",
        "collectors",
        "targets",
    ]
}

proptest! {
    #[test]
    fn any_text_is_a_configuration_or_an_error(text in any::<String>()) {
        let _ = load(&text);
    }

    #[test]
    fn any_values_are_a_configuration_or_an_error(
        key in "(name|connection|password|databases|include|password_file|max_connections)",
        value in r#"("\PC{0,12}"|'[\PC&&[^']]{0,12}'|-?[0-9]{1,20}|\[\]|\["\PC{0,6}"\]|[0-9.]{1,8}|true|\{\})"#,
    ) {
        let _ = load(&format!("[[targets]]\n{key} = {value}\n"));
        let _ = load(&format!("{TARGET}{key} = {value}\n"));
        let _ = load(&format!("stale_after = {value}\n{TARGET}"));
        let _ = load(&format!("sessions.lock_timeout = {value}\n{TARGET}"));
    }
}
