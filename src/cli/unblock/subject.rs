//! The session that is in the way.

use std::fmt;

use crate::cli::locks::text;
use crate::postgres::{Error, Parameter, Row, Session};

const SESSION: &str = include_str!("session.sql");
const HELD: &str = include_str!("held.sql");

/// A session as it was when it was looked at.
#[derive(Debug)]
pub(super) struct Subject {
    pub(super) pid: i32,
    /// `None` where the role may not see it.
    pub(super) backend_start: Option<i64>,
    pub(super) transaction_age: Option<f64>,
    datname: Option<String>,
    usename: Option<String>,
    application_name: Option<String>,
    client_addr: Option<String>,
    backend_type: Option<String>,
    state: Option<String>,
    query: Option<String>,
    query_start: Option<f64>,
    /// Its role is a superuser's, which only another one may end.
    superuser: bool,
    own: bool,
}

/// Why a session should not be ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Not at all.
    Never(&'static str),
    /// Not without insisting.
    Unforced(&'static str),
}

impl Subject {
    /// The session with this pid, if there is one.
    pub(super) async fn find(session: &mut Session, pid: i32) -> Result<Option<Self>, Error> {
        let rows = session.query(SESSION, &[Parameter::Integer(pid.into())]).await?;
        rows.first().map(|row| Self::read(row, pid)).transpose()
    }

    fn read(row: &Row, pid: i32) -> Result<Self, Error> {
        Ok(Self {
            pid,
            backend_start: row.integer_some("backend_start")?,
            transaction_age: row.number_some("transaction_age")?,
            datname: row.text_some("datname")?,
            usename: row.text_some("usename")?,
            application_name: row.text_some("application_name")?,
            client_addr: row.text_some("client_addr")?,
            backend_type: row.text_some("backend_type")?,
            state: row.text_some("state")?,
            query: row.text_some("query")?,
            query_start: row.number_some("query_start")?,
            superuser: row.boolean("superuser")?,
            own: row.boolean("own")?,
        })
    }

    /// What it holds, as a person reads it; names are seen from its own database.
    pub(super) async fn held(&self, session: &mut Session) -> Result<Vec<String>, Error> {
        if let Some(datname) = self.datname.as_deref().filter(|datname| *datname != session.datname()) {
            // Where that database lets nobody in, the locks are shown without names.
            let home = session.datname().to_owned();
            if session.move_to(datname).await.is_err() {
                session.move_to(&home).await?;
            }
        }
        let rows = session.query(HELD, &[Parameter::Integer(self.pid.into())]).await?;
        let lock = |row: &Row| {
            let (mode, locktype) = (row.text("mode")?, row.text("locktype")?);
            let name = row.text_some("relation")?.map(|name| text::printable(&name));
            Ok(name.map_or_else(|| format!("{mode} on a {locktype}"), |name| format!("{mode} on {name}")))
        };
        rows.iter().map(lock).collect()
    }

    /// Whether it runs a statement that could be cancelled.
    pub(super) fn is_active(&self) -> bool {
        // The server's own workers have no state and can be cancelled.
        self.state.as_deref().is_none_or(|state| state == "active")
    }

    /// What would allow to end it.
    pub(super) fn privilege(&self) -> String {
        match self.usename.as_deref() {
            Some(user) if self.superuser => format!("only a superuser may, as {user} is one"),
            Some(user) => format!("GRANT pg_signal_backend to our role, or use the role {user}"),
            None => "GRANT pg_signal_backend to our role, or use a superuser".to_owned(),
        }
    }

    /// Whether the session that was `before` has done as it was told.
    pub(super) fn has_let_go(&self, before: &Self, terminate: bool) -> bool {
        let another = self.backend_start != before.backend_start;
        another || !terminate && (self.state.as_deref() != Some("active") || self.query_start != before.query_start)
    }

    /// Why it should not be ended, if there is a reason.
    pub(super) fn refusal(&self) -> Option<Refusal> {
        let wraparound = self.query.as_deref().is_some_and(|query| query.ends_with("(to prevent wraparound)"));
        match self.backend_type.as_deref() {
            _ if self.own => Some(Refusal::Unforced("this is a session of our own")),
            None => Some(Refusal::Never("our role may not see what this session is: GRANT pg_monitor to it")),
            Some("startup") => {
                Some(Refusal::Never("this is the replay of a standby: end the query that it waits for instead"))
            }
            Some("autovacuum worker") if wraparound => Some(Refusal::Unforced(
                "this autovacuum works against transaction id wraparound and would only start again",
            )),
            Some("walsender" | "walreceiver") => Some(Refusal::Unforced("this is replication")),
            Some(name) if name.starts_with("logical replication") => Some(Refusal::Unforced("this is replication")),
            Some("client backend" | "parallel worker" | "autovacuum worker") => None,
            // Background workers of extensions have a database; the server's own processes have none.
            Some(_) if self.datname.is_some() => None,
            Some(_) => Some(Refusal::Never("this is a process of the server itself")),
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "pid {}", self.pid)?;
        let parts =
            [&self.backend_type, &self.datname, &self.usename, &self.application_name, &self.client_addr, &self.state];
        for part in parts.into_iter().flatten().filter(|part| !part.is_empty()) {
            write!(formatter, ", {}", text::printable(part))?;
        }
        if let Some(age) = self.transaction_age {
            write!(formatter, ", transaction {} old", text::seconds(age))?;
        }
        match self.query.as_deref() {
            Some(query) if !query.is_empty() => write!(formatter, "\n  {}", text::shorten(query)),
            _ => Ok(()),
        }
    }
}
