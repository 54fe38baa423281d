//! Which databases of a server are watched.

use crate::config::Databases;
use crate::postgres::{Error, Session};

const DATABASES: &str = include_str!("sql/databases.sql");

/// The watched databases of the session's server, sorted.
pub async fn discover(session: &mut Session, wanted: &Databases) -> Result<Vec<String>, Error> {
    let rows = session.query(DATABASES, &[]).await?;
    let names = rows.iter().map(|row| row.text("datname")).collect::<Result<Vec<_>, _>>()?;
    let watched = |name: &String| match wanted {
        Databases::Named(named) => named.contains(name),
        Databases::Discovered { include, exclude } => {
            include.as_ref().is_none_or(|include| include.is_match(name)) && !exclude.is_match(name)
        }
    };
    Ok(names.into_iter().filter(watched).collect())
}
