//! The version tables of the databases that a command looks at.

use std::time::Duration;

use serde::Serialize;

use super::expected;
use crate::cli::output::Format;
use crate::cli::source::Source;
use crate::collectors::version_tables::{self, Reading, VersionTable};
use crate::config::{Application, Config, DEFAULT_VERSION_TABLE, Databases, Target, VersionTableName};
use crate::postgres::{Budget, Error, Session};
use crate::runner::databases;

/// Longest time for one database, so that an answer comes soon whatever its sessions do.
const ROUND: Duration = Duration::from_secs(10);

/// Options of every command that reads version tables.
#[derive(Debug, clap::Args)]
pub(super) struct Where {
    #[command(flatten)]
    source: Source,

    /// Only this version table, also when it has further columns: TABLE or SCHEMA.TABLE
    #[arg(long, value_name = "TABLE")]
    version_table: Vec<String>,

    /// Only the version tables of this application of the configuration
    #[arg(long, value_name = "NAME", requires = "config")]
    application: Option<String>,

    /// Form of the output
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Where a version table is, or should be.
#[derive(Debug, Serialize)]
pub(super) struct Place {
    target: String,
    datname: String,
    /// The application of the configuration that claims it.
    pub(super) application: Option<String>,
    schema: Option<String>,
    table: Option<String>,
}

/// A version table, or the place where one should be.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) place: Place,
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

/// The JSON object, documented in `docs/CLI.md`.
#[derive(Debug, Serialize)]
struct Report<T> {
    version: u32,
    tables: Vec<T>,
}

impl Where {
    /// The configuration that says where to look, and who claims what is found.
    pub(super) fn load(&self) -> anyhow::Result<Config> {
        let config = self.source.load()?;
        if let Some(name) = &self.application {
            expected::named(&config.alembic, name)?;
        }
        Ok(config)
    }

    /// Reads the version tables of every database; one that fails does not hide the others.
    pub(super) async fn read(&self, mut config: Config) -> anyhow::Result<Vec<Found>> {
        let names: Vec<VersionTableName> = self.version_table.iter().map(|name| parse(name)).collect();
        config.alembic.version_tables.extend(names.iter().cloned());
        let mut found = Vec::new();
        for target in &config.targets {
            let look = Look { config: &config, target, names: &names, application: self.application.as_deref() };
            found.extend(look.read().await);
        }
        anyhow::ensure!(
            !found.is_empty(),
            "no version table was found, and no application is expected to have one here"
        );
        Ok(found)
    }

    /// Shows what became of the tables: one JSON object, or lines for people, the least `rank` first.
    pub(super) fn show<T: Serialize, R: Ord>(
        &self,
        mut tables: Vec<T>,
        rank: impl Fn(&T) -> R,
        print: impl FnMut(&T),
    ) -> anyhow::Result<()> {
        match self.format {
            Format::Human => {
                tables.sort_by_key(rank);
                tables.iter().for_each(print);
            }
            Format::Json => anstream::println!("{}", serde_json::to_string(&Report { version: 1, tables })?),
        }
        Ok(())
    }

    /// Whether the output is for people.
    pub(super) fn is_human(&self) -> bool {
        matches!(self.format, Format::Human)
    }
}

impl Place {
    /// As a person reads it: `shop.public.alembic_version (webshop)`.
    pub(super) fn shown(&self) -> String {
        let parts = [Some(&self.datname), self.schema.as_ref(), self.table.as_ref()];
        let name = parts.into_iter().flatten().map(String::as_str).collect::<Vec<_>>().join(".");
        self.application.as_ref().map_or_else(|| name.clone(), |application| format!("{name} ({application})"))
    }
}

fn parse(name: &str) -> VersionTableName {
    match name.split_once('.') {
        Some((schema, table)) => VersionTableName { schema: Some(schema.to_owned()), table: table.to_owned() },
        None => VersionTableName { schema: None, table: name.to_owned() },
    }
}

/// What is looked for on a target.
struct Look<'a> {
    config: &'a Config,
    target: &'a Target,
    /// Only these tables, all if there is none.
    names: &'a [VersionTableName],
    /// Only the tables of this application.
    application: Option<&'a str>,
}

impl Look<'_> {
    async fn read(&self) -> Vec<Found> {
        let home = &self.target.connection.dbname;
        let is_concerned = self.applications().is_empty()
            || self.chosen().any(|application| application.targets.match_name(&self.target.name));
        if !is_concerned {
            return Vec::new();
        }
        let datnames = match self.datnames().await {
            Ok(datnames) => datnames,
            Err(error) => return vec![self.unreachable(home, &error)],
        };
        let mut found = Vec::new();
        for datname in datnames.iter().filter(|datname| self.looks_into(datname)) {
            match self.tables(datname).await {
                Ok(tables) => found.extend(self.found(datname, &tables)),
                Err(error) => found.push(self.unreachable(datname, &error)),
            }
        }
        if found.is_empty() && self.applications().is_empty() {
            found.push(self.at(home, None, Some(DEFAULT_VERSION_TABLE), Rows::Missing));
        }
        found
    }

    fn applications(&self) -> &[Application] {
        &self.config.alembic.applications
    }

    /// The applications whose tables are looked for.
    fn chosen(&self) -> impl Iterator<Item = &Application> {
        self.applications()
            .iter()
            .filter(|application| self.application.is_none_or(|chosen| application.name == chosen))
    }

    fn looks_into(&self, datname: &str) -> bool {
        self.applications().is_empty() || self.chosen().any(|application| application.is_in(&self.target.name, datname))
    }

    /// The tables of a database that are asked for, and the places where one is missing.
    fn found(&self, datname: &str, tables: &[VersionTable]) -> Vec<Found> {
        let wanted = |table: &&VersionTable| self.names.is_empty() || self.names.iter().any(|name| name.is(table));
        let mut found: Vec<Found> = tables
            .iter()
            .filter(wanted)
            .map(|table| self.at(datname, Some(&table.schema), Some(&table.name), rows(table)))
            .collect();
        found.extend(self.missing(datname, tables));
        found.retain(|found| self.application.is_none_or(|chosen| found.place.application.as_deref() == Some(chosen)));
        found
    }

    fn missing(&self, datname: &str, tables: &[VersionTable]) -> Vec<Found> {
        if !self.names.is_empty() {
            let absent = self.names.iter().filter(|name| !tables.iter().any(|table| name.is(table)));
            return absent
                .map(|name| self.at(datname, name.schema.as_deref(), Some(&name.table), Rows::Missing))
                .collect();
        }
        // Of a server whose databases were found, not named, most may have nothing to do with Alembic.
        let is_bare = matches!(self.target.databases, Databases::Named(_)) && tables.is_empty();
        if self.applications().is_empty() {
            let place = || self.at(datname, None, Some(DEFAULT_VERSION_TABLE), Rows::Missing);
            return is_bare.then(place).into_iter().collect();
        }
        let claimed: Vec<_> =
            tables.iter().filter_map(|table| self.claimant(datname, Some(&table.schema), Some(&table.name))).collect();
        let lacks = |application: &&Application| {
            application.is_in(&self.target.name, datname)
                && (is_bare || application.databases.are_configured())
                && !claimed.iter().any(|claimant| claimant.name == application.name)
        };
        let place = |application: &Application| {
            let at = self.at(datname, application.schemas.name(), Some(application.expected_table()), Rows::Missing);
            Found { place: Place { application: Some(application.name.clone()), ..at.place }, ..at }
        };
        self.chosen().filter(lacks).map(place).collect()
    }

    /// The first application that a table of this name belongs to.
    fn claimant(&self, datname: &str, schema: Option<&str>, table: Option<&str>) -> Option<&Application> {
        self.applications().iter().find(|application| {
            application.is_in(&self.target.name, datname)
                && schema.is_none_or(|schema| application.schemas.match_name(schema))
                && table.is_some_and(|table| application.tables.match_name(table))
        })
    }

    fn at(&self, datname: &str, schema: Option<&str>, table: Option<&str>, rows: Rows) -> Found {
        let place = Place {
            target: self.target.name.clone(),
            datname: datname.to_owned(),
            application: self.claimant(datname, schema, table).map(|application| application.name.clone()),
            schema: schema.map(str::to_owned),
            table: table.map(str::to_owned),
        };
        Found { place, rows }
    }

    fn unreachable(&self, datname: &str, error: &Error) -> Found {
        self.at(datname, None, None, Rows::Unreadable(error.to_string()))
    }

    async fn datnames(&self) -> Result<Vec<String>, Error> {
        if let Databases::Named(names) = &self.target.databases {
            return Ok(names.clone());
        }
        let mut session = self.open(&self.target.connection.dbname).await?;
        databases::discover(&mut session, &self.target.databases).await
    }

    async fn tables(&self, datname: &str) -> Result<Vec<VersionTable>, Error> {
        let mut session = self.open(datname).await?;
        version_tables::read(&mut session, &self.config.alembic).await
    }

    async fn open(&self, datname: &str) -> Result<Session, Error> {
        let connection = &self.target.connection;
        let mut session = Session::open(connection, datname, &self.config.sessions, &Budget::exporter(1)).await?;
        session.start_round(ROUND);
        Ok(session)
    }
}

impl VersionTableName {
    fn is(&self, table: &VersionTable) -> bool {
        self.table == table.name && self.schema.as_ref().is_none_or(|schema| *schema == table.schema)
    }
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
