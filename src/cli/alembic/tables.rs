//! The version tables of the databases that a command looks at.

use std::time::Duration;

use crate::cli::source::Source;
use crate::collectors::version_tables::{self, Reading, VersionTable};
use crate::config::{Config, Databases, Target, VersionTableName};
use crate::postgres::{Budget, Error, Session};
use crate::runner::databases;

/// Longest time for one database, so that an answer comes soon whatever its sessions do.
const ROUND: Duration = Duration::from_secs(10);
/// The name that Alembic gives its table unless env.py gives another.
const DEFAULT_TABLE: &str = "alembic_version";

/// Options of every command that reads version tables.
#[derive(Debug, clap::Args)]
pub(super) struct Where {
    #[command(flatten)]
    source: Source,

    /// Only this version table, also when it has further columns: TABLE or SCHEMA.TABLE
    #[arg(long, value_name = "TABLE")]
    version_table: Vec<String>,
}

/// A version table, or the place where one should be.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) target: String,
    pub(super) datname: String,
    pub(super) schema: Option<String>,
    pub(super) table: Option<String>,
    pub(super) rows: Rows,
}

/// What a version table holds.
#[derive(Debug)]
pub(super) enum Rows {
    Present(Vec<String>),
    Missing,
    /// It could not be read, and why.
    Unreadable(String),
}

impl Where {
    /// Reads the version tables of every database; one that fails does not hide the others.
    pub(super) async fn read(&self) -> anyhow::Result<Vec<Found>> {
        let mut config = self.source.load()?;
        let names: Vec<VersionTableName> = self.version_table.iter().map(|name| parse(name)).collect();
        config.alembic.version_tables.extend(names.iter().cloned());
        let mut found = Vec::new();
        for target in &config.targets {
            found.extend(read_target(&config, target, &names).await);
        }
        Ok(found)
    }
}

fn parse(name: &str) -> VersionTableName {
    match name.split_once('.') {
        Some((schema, table)) => VersionTableName { schema: Some(schema.to_owned()), table: table.to_owned() },
        None => VersionTableName { schema: None, table: name.to_owned() },
    }
}

async fn read_target(config: &Config, target: &Target, names: &[VersionTableName]) -> Vec<Found> {
    let nowhere = |datname: &str, schema: Option<&str>, table: Option<&str>, rows: Rows| Found {
        target: target.name.clone(),
        datname: datname.to_owned(),
        schema: schema.map(str::to_owned),
        table: table.map(str::to_owned),
        rows,
    };
    let unreachable = |datname: &str, error: &Error| nowhere(datname, None, None, Rows::Unreadable(error.to_string()));
    let datnames = match datnames(config, target).await {
        Ok(datnames) => datnames,
        Err(error) => return vec![unreachable(&target.connection.dbname, &error)],
    };
    // Of a server whose databases were found, not named, most may have nothing to do with Alembic.
    let expected = matches!(target.databases, Databases::Named(_)) || !names.is_empty();
    let mut found = Vec::new();
    for datname in &datnames {
        let tables = match read_database(config, target, datname).await {
            Ok(tables) => tables,
            Err(error) => {
                found.push(unreachable(datname, &error));
                continue;
            }
        };
        let matching = |name: &VersionTableName, table: &VersionTable| {
            name.table == table.name && name.schema.as_ref().is_none_or(|schema| *schema == table.schema)
        };
        let wanted = |table: &&VersionTable| names.is_empty() || names.iter().any(|name| matching(name, table));
        found.extend(
            tables
                .iter()
                .filter(wanted)
                .map(|table| nowhere(datname, Some(&table.schema), Some(&table.name), rows(table))),
        );
        let absent = names.iter().filter(|name| !tables.iter().any(|table| matching(name, table)));
        found.extend(absent.map(|name| nowhere(datname, name.schema.as_deref(), Some(&name.table), Rows::Missing)));
        if expected && names.is_empty() && tables.is_empty() {
            found.push(nowhere(datname, None, Some(DEFAULT_TABLE), Rows::Missing));
        }
    }
    if found.is_empty() {
        found.push(nowhere(&target.connection.dbname, None, Some(DEFAULT_TABLE), Rows::Missing));
    }
    found
}

async fn datnames(config: &Config, target: &Target) -> Result<Vec<String>, Error> {
    if let Databases::Named(names) = &target.databases {
        return Ok(names.clone());
    }
    let mut session = open(config, target, &target.connection.dbname).await?;
    databases::discover(&mut session, &target.databases).await
}

async fn read_database(config: &Config, target: &Target, datname: &str) -> Result<Vec<VersionTable>, Error> {
    let mut session = open(config, target, datname).await?;
    version_tables::read(&mut session, &config.alembic).await
}

async fn open(config: &Config, target: &Target, datname: &str) -> Result<Session, Error> {
    let mut session = Session::open(&target.connection, datname, &config.sessions, &Budget::exporter(1)).await?;
    session.start_round(ROUND);
    Ok(session)
}

fn rows(table: &VersionTable) -> Rows {
    match &table.reading {
        Reading::Rows(rows) => Rows::Present(rows.clone()),
        Reading::Locked => Rows::Unreadable(
            "somebody holds or awaits ACCESS EXCLUSIVE on it; try again when that migration has ended".to_owned(),
        ),
        Reading::Denied => {
            Rows::Unreadable("our role may not read it; grant SELECT on it and USAGE on its schema".to_owned())
        }
    }
}
