//! Which databases of a server are watched.

use crate::config::Databases;
use crate::postgres::{Error, Session};

const DATABASES: &str = include_str!("sql/databases.sql");

/// The watched databases of the session's server, sorted.
pub async fn discover(session: &mut Session, wanted: &Databases) -> Result<Vec<String>, Error> {
    let rows = session.query(DATABASES, &[]).await?;
    let names = rows.iter().map(|row| row.text("datname")).collect::<Result<Vec<_>, _>>()?;
    Ok(names.into_iter().filter(|name| wanted.contains(name)).collect())
}
