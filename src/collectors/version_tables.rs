//! Reading Alembic's version tables without ever waiting for one.

use crate::config;
use crate::postgres::{Error, ErrorKind, Parameter, Row, Session, Sql, quote};

pub(super) static VERSION_TABLES: Sql = Sql::new(&[(13, include_str!("sql/version_tables.sql"))]);

/// Tables that one statement reads: few statements for thousands of tenants, little to repeat when one table is locked.
const CHUNK: usize = 100;

/// Rows that are read of one table; Alembic keeps one row a head.
const MAX_ROWS: usize = 1000;

/// One version table and what could be read of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionTable {
    /// Its oid.
    pub oid: u32,
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// Its rows, or why there are none to see.
    pub reading: Reading,
}

/// What could be read of a version table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reading {
    /// The values of `version_num`, sorted, each once.
    Rows(Vec<String>),
    /// Somebody holds or awaits ACCESS EXCLUSIVE on it: reading would wait.
    Locked,
    /// Our role may not read it, or only through a row security policy, or the server lets nobody read it.
    Denied,
}

/// Finds the version tables of the session's database, by schema and name; of those that can be read, no row is read yet.
pub async fn list(session: &mut Session, config: &config::Alembic) -> Result<Vec<VersionTable>, Error> {
    let (schemas, names): (Vec<_>, Vec<_>) = config
        .version_tables
        .iter()
        .map(|named| (named.schema.clone().unwrap_or_default(), named.table.clone()))
        .unzip();
    let parameters = [Parameter::Texts(&schemas), Parameter::Texts(&names)];
    let rows = session.query(VERSION_TABLES.text(session.version()), &parameters).await?;
    rows.iter().map(table).collect()
}

/// Finds and reads the version tables of the session's database, by schema and name.
pub async fn read(session: &mut Session, config: &config::Alembic) -> Result<Vec<VersionTable>, Error> {
    let mut tables = list(session, config).await?;
    let mut readable: Vec<_> = tables.iter_mut().filter(|table| matches!(table.reading, Reading::Rows(_))).collect();
    for chunk in readable.chunks_mut(CHUNK) {
        match read_rows(session, chunk).await {
            Err(error) if concerns_a_table(error.kind()) => read_one_by_one(session, chunk).await?,
            outcome => outcome?,
        }
    }
    tables.retain(|table| !table.name.is_empty());
    Ok(tables)
}

fn table(row: &Row) -> Result<VersionTable, Error> {
    let reading = match (row.boolean("readable")?, row.boolean("locked")?) {
        (false, _) => Reading::Denied,
        (true, true) => Reading::Locked,
        (true, false) => Reading::Rows(Vec::new()),
    };
    Ok(VersionTable { oid: row.oid("oid")?, schema: row.text("schemaname")?, name: row.text("relname")?, reading })
}

/// Whether a statement failed because of a single table: locked, dropped or denied since it was listed, or refused by the
/// server for a reason of its own, as an unlogged table is on a standby.
fn concerns_a_table(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::LockTimeout | ErrorKind::Missing | ErrorKind::Permission | ErrorKind::Query)
}

async fn read_one_by_one(session: &mut Session, tables: &mut [&mut VersionTable]) -> Result<(), Error> {
    for table in tables {
        match read_rows(session, std::slice::from_mut(table)).await {
            Err(error) if error.kind() == ErrorKind::LockTimeout => table.reading = Reading::Locked,
            Err(error) if matches!(error.kind(), ErrorKind::Permission | ErrorKind::Query) => {
                table.reading = Reading::Denied;
            }
            // Dropped since it was listed: it is no version table any more.
            Err(error) if error.kind() == ErrorKind::Missing => table.name.clear(),
            outcome => outcome?,
        }
    }
    Ok(())
}

async fn read_rows(session: &mut Session, tables: &mut [&mut VersionTable]) -> Result<(), Error> {
    let selects: Vec<_> = tables
        .iter()
        .enumerate()
        .map(|(index, table)| {
            let (schema, name) = (quote(&table.schema), quote(&table.name));
            format!(
                "(SELECT {index}::int4 AS index, version_num::text AS revision FROM {schema}.{name} LIMIT {MAX_ROWS})"
            )
        })
        .collect();
    let mut found = vec![Vec::new(); tables.len()];
    session
        .for_each(&selects.join(" UNION ALL "), &[], |row| {
            let index = usize::try_from(row.integer("index")?).unwrap_or(usize::MAX);
            if let (Some(revisions), Some(revision)) = (found.get_mut(index), row.text_some("revision")?) {
                revisions.push(revision);
            }
            Ok(())
        })
        .await?;
    for (table, mut revisions) in tables.iter_mut().zip(found) {
        revisions.sort_unstable();
        revisions.dedup();
        table.reading = Reading::Rows(revisions);
    }
    Ok(())
}
