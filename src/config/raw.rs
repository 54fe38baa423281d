//! The configuration file as it is written: what may stand where, before any of it is judged.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use serde::de::{Deserializer, Visitor};
use toml::Spanned;

use super::error::Fault;
use super::{LogFormat, Secret};

/// A value that may be left out, with its place.
pub(super) type Maybe<T> = Option<Spanned<T>>;

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct File {
    pub(super) web: Web,
    pub(super) log: Log,
    pub(super) state_dir: Maybe<PathBuf>,
    pub(super) stale_after: Maybe<u32>,
    pub(super) sessions: Sessions,
    pub(super) alembic: Alembic,
    pub(super) tables: Tables,
    pub(super) columns: Columns,
    pub(super) activity: Activity,
    pub(super) migrations: Migrations,
    pub(super) collectors: BTreeMap<Spanned<String>, Collector>,
    pub(super) targets: Vec<Spanned<Target>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Web {
    pub(super) listen: Maybe<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Log {
    pub(super) format: Option<LogFormat>,
    pub(super) filter: Maybe<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Sessions {
    pub(super) max_connections: Maybe<usize>,
    pub(super) connect_timeout: Maybe<Period>,
    pub(super) lock_timeout: Maybe<Period>,
    pub(super) application_name: Maybe<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Alembic {
    pub(super) version_tables: Option<Vec<Spanned<String>>>,
    pub(super) max_tables: Option<usize>,
    pub(super) refresh: Maybe<Period>,
    #[serde(default)]
    pub(super) applications: Vec<Application>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Application {
    pub(super) name: Spanned<String>,
    pub(super) scripts: Maybe<Vec<Spanned<PathBuf>>>,
    pub(super) recursive: Maybe<bool>,
    pub(super) configuration: Maybe<PathBuf>,
    pub(super) section: Maybe<String>,
    pub(super) manifest: Maybe<PathBuf>,
    pub(super) heads: Maybe<usize>,
    pub(super) targets: Maybe<Vec<Spanned<String>>>,
    pub(super) databases: Maybe<Vec<Spanned<String>>>,
    pub(super) schemas: Maybe<Vec<Spanned<String>>>,
    pub(super) tables: Maybe<Vec<Spanned<String>>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Tables {
    pub(super) max_tables: Option<usize>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Columns {
    pub(super) max_columns: Option<usize>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Activity {
    pub(super) thresholds: Maybe<Vec<Spanned<Period>>>,
    pub(super) max_groups: Option<usize>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Migrations {
    pub(super) stuck_after: Maybe<Period>,
    pub(super) applications: Maybe<Vec<Spanned<String>>>,
    pub(super) users: Maybe<Vec<Spanned<String>>>,
    pub(super) max_migrations: Option<usize>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Collector {
    pub(super) enabled: Option<bool>,
    pub(super) interval: Maybe<Period>,
    pub(super) timeout: Maybe<Period>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Target {
    pub(super) name: Spanned<String>,
    /// May hold a password.
    pub(super) connection: Spanned<Secret>,
    pub(super) password: Maybe<Secret>,
    pub(super) password_env: Maybe<String>,
    pub(super) password_file: Maybe<PathBuf>,
    pub(super) max_connections: Maybe<usize>,
    pub(super) databases: Maybe<Vec<Spanned<String>>>,
    pub(super) include: Maybe<Vec<Spanned<String>>>,
    pub(super) exclude: Maybe<Vec<Spanned<String>>>,
}

/// A duration that is written with its unit.
#[derive(Clone, Copy, Debug)]
pub(super) struct Period(pub(super) Duration);

impl<'de> Deserialize<'de> for Period {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct WithUnit;

        impl Visitor<'_> for WithUnit {
            type Value = Period;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a duration with its unit such as \"30s\", \"500ms\" or \"1m 30s\"")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Period, E> {
                let duration = humantime::parse_duration(text);
                duration.map(Period).map_err(|_| E::invalid_value(serde::de::Unexpected::Str(text), &self))
            }
        }

        deserializer.deserialize_str(WithUnit)
    }
}

impl File {
    /// Reads the text of a file.
    pub(super) fn parse(text: &str) -> Result<Self, Fault> {
        toml::from_str(text).map_err(|error| {
            let span = error.span().unwrap_or(0..0);
            Fault::new(span, in_plain_words(error.message()))
        })
    }
}

/// serde's messages repeat the value that was found, which may hold a password, and name types of Rust.
fn in_plain_words(message: &str) -> String {
    let expected = message
        .strip_prefix("invalid ")
        .filter(|rest| ["type: ", "value: ", "length "].iter().any(|kind| rest.starts_with(kind)))
        .and_then(|rest| rest.rsplit_once(", expected "));
    let Some((found, expected)) = expected else {
        return message.to_owned();
    };
    let expected = match expected {
        "u32" | "u64" | "usize" => "a whole number, 0 or more",
        "a string" | "a path string" | "path string" => "a string in quotes",
        "a sequence" => "a list",
        "a map" => "a table",
        other if other.starts_with("struct ") => "a table",
        other => other,
    };
    // "type: integer `30`": the kind of value, without the value.
    let kind = found.split_once(": ").map_or("", |(_, kind)| kind);
    let kind = kind.split(['"', '`']).next().unwrap_or_default().trim();
    match kind {
        "" => format!("expected {expected}"),
        kind => format!("expected {expected}, found {}", with_article(kind)),
    }
}

fn with_article(kind: &str) -> String {
    let kind = match kind {
        "map" => "table",
        "sequence" => "list",
        other => other,
    };
    let article = if kind.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
    format!("{article} {kind}")
}
