//! A session: bounded, read-only, cancelled when late, discarded when broken.

use std::fmt::Write;
use std::pin::pin;
use std::time::{Duration, Instant};

use futures_util::TryStreamExt;
use tokio::task::AbortHandle;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{CancelToken, Client};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::{Budget, Error, ErrorKind, Row, Version, connect};
use crate::config::{Connection, Sessions};

/// How much later than the server we give up on a statement: the server's own time-out should come first.
const GRACE: Duration = Duration::from_millis(500);

/// How long a request to cancel may take.
const CANCEL_TIMEOUT: Duration = Duration::from_secs(2);

/// How long a backend needs to leave after its connection was closed; the budget counts it until then.
const LINGER: Duration = Duration::from_millis(20);

/// What deparsed text and search paths depend on, fixed for every statement.
/// Source: `standard_conforming_strings` and its like in <https://www.postgresql.org/docs/current/runtime-config-client.html>.
const SETTINGS: &str = "SET LOCAL search_path = ''; SET LOCAL DateStyle = 'ISO, YMD'; SET LOCAL IntervalStyle = 'postgres'; \
     SET LOCAL TimeZone = 'UTC'; SET LOCAL extra_float_digits = 1; SET LOCAL bytea_output = 'hex'; \
     SET LOCAL quote_all_identifiers = off; SET LOCAL standard_conforming_strings = on; \
     SET LOCAL idle_in_transaction_session_timeout = '10s'; SET LOCAL max_parallel_workers_per_gather = 0; \
     SET LOCAL jit = off";

/// A parameter of a statement.
#[derive(Clone, Copy, Debug)]
pub enum Parameter<'a> {
    /// `int8`
    Integer(i64),
    /// `float8`
    Number(f64),
    /// `text`
    Text(&'a str),
    /// `text[]`
    Texts(&'a [String]),
    /// `oid[]`
    Oids(&'a [u32]),
    /// `int4[]`
    Pids(&'a [i32]),
}

impl Parameter<'_> {
    fn typed(&self) -> (&(dyn ToSql + Sync), Type) {
        match self {
            Self::Integer(value) => (value, Type::INT8),
            Self::Number(value) => (value, Type::FLOAT8),
            Self::Text(value) => (value, Type::TEXT),
            Self::Texts(value) => (value, Type::TEXT_ARRAY),
            Self::Oids(value) => (value, Type::OID_ARRAY),
            Self::Pids(value) => (value, Type::INT4_ARRAY),
        }
    }
}

/// What it takes to open a session.
struct Origin {
    connection: Connection,
    sessions: Sessions,
    budget: Budget,
}

/// A session with one database.
///
/// Dropping it ends the session. Dropping a query that has not come to its end cancels it on the server.
pub struct Session {
    client: Client,
    datname: String,
    version: Version,
    origin: Origin,
    deadline: Instant,
    canceller: Canceller,
    broken: bool,
}

impl Session {
    /// Opens a session within the budget.
    pub async fn open(
        connection: &Connection,
        datname: &str,
        sessions: &Sessions,
        budget: &Budget,
    ) -> Result<Self, Error> {
        let permit = budget.acquire(sessions.connect_timeout).await?;
        let opened = connect::open(connection, datname, sessions).await?;
        let reported = opened.driver.parameter("server_version").unwrap_or_default();
        let version = Version::parse(reported).ok_or_else(|| {
            Error::new(ErrorKind::Decode, "read the server's version", format!("it reports {reported:?}"))
        })?;
        let driver = tokio::spawn(async move {
            // The permit lives as long as the connection; an error reaches whoever waits for an answer.
            let _permit = permit;
            let _ = opened.driver.await;
            tokio::time::sleep(LINGER).await;
        });
        let canceller =
            Canceller { token: opened.client.cancel_token(), tls: opened.tls, driver: driver.abort_handle() };
        Ok(Self {
            client: opened.client,
            datname: datname.to_owned(),
            version,
            origin: Origin { connection: connection.clone(), sessions: sessions.clone(), budget: budget.clone() },
            deadline: Instant::now() + sessions.connect_timeout,
            canceller,
            broken: false,
        })
    }

    /// The database of the session.
    pub fn datname(&self) -> &str {
        &self.datname
    }

    /// The version of the server.
    pub fn version(&self) -> Version {
        self.version
    }

    /// Whether the session can serve no further query.
    pub fn is_broken(&self) -> bool {
        self.broken || self.client.is_closed()
    }

    /// Starts a round: all queries until the next call share this time.
    pub fn start_round(&mut self, timeout: Duration) {
        self.deadline = Instant::now() + timeout;
    }

    /// Ends the session and opens one with another database of the server instead, in its place of the budget and within
    /// the same round.
    pub async fn move_to(&mut self, datname: &str) -> Result<(), Error> {
        self.broken = true;
        self.canceller.driver.abort();
        tokio::time::sleep(LINGER).await;
        let Origin { connection, sessions, budget } = &self.origin;
        let moved = Self::open(connection, datname, sessions, budget).await?;
        *self = Self { deadline: self.deadline, ..moved };
        Ok(())
    }

    /// The rows of a query.
    pub async fn query(&mut self, sql: &str, parameters: &[Parameter<'_>]) -> Result<Vec<Row>, Error> {
        let mut rows = Vec::new();
        self.for_each(sql, parameters, |row| {
            rows.push(row);
            Ok(())
        })
        .await?;
        Ok(rows)
    }

    /// The single row of a query.
    pub async fn query_one(&mut self, sql: &str, parameters: &[Parameter<'_>]) -> Result<Row, Error> {
        let row = self.query(sql, parameters).await?.pop();
        row.ok_or_else(|| Error::new(ErrorKind::Decode, "read the answer", "it has no row"))
    }

    /// Hands the rows of a query over one by one, so that a large answer is never held whole.
    pub async fn for_each(
        &mut self,
        sql: &str,
        parameters: &[Parameter<'_>],
        each: impl FnMut(Row) -> Result<(), Error>,
    ) -> Result<(), Error> {
        if self.is_broken() {
            return Err(Error::new(ErrorKind::Disconnected, "query", "the session has ended"));
        }
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(Error::new(ErrorKind::Timeout, "query", "the round's time is used up"));
        }
        let mut guard = CancelOnDrop { canceller: &self.canceller, armed: true };
        let outcome = tokio::time::timeout(left + GRACE, self.transaction(left, sql, parameters, each)).await;
        if let Ok(outcome) = outcome {
            guard.armed = false;
            drop(guard);
            self.broken |= matches!(&outcome, Err(error) if ends_session(error.kind()));
            outcome
        } else {
            drop(guard);
            self.broken = true;
            Err(Error::new(ErrorKind::Timeout, "query", "the server did not answer in time; the session is given up"))
        }
    }

    /// One query in a read-only transaction of its own.
    async fn transaction(
        &self,
        left: Duration,
        sql: &str,
        parameters: &[Parameter<'_>],
        each: impl FnMut(Row) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.client.batch_execute(&self.begin(left)).await.map_err(|error| Error::driver("query", &error))?;
        let outcome = self.rows(sql, parameters, each).await;
        let end = if outcome.is_ok() { "COMMIT" } else { "ROLLBACK" };
        let ended = self.client.batch_execute(end).await.map_err(|error| Error::driver("query", &error));
        outcome.and(ended)
    }

    fn begin(&self, left: Duration) -> String {
        let mut sql = "BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY; ".to_owned();
        // Writing to a String cannot fail.
        let _ = write!(
            sql,
            "SET LOCAL statement_timeout = {}; SET LOCAL lock_timeout = {}; ",
            left.as_millis().max(1),
            self.origin.sessions.lock_timeout.as_millis().max(1)
        );
        sql.push_str(SETTINGS);
        sql
    }

    async fn rows(
        &self,
        sql: &str,
        parameters: &[Parameter<'_>],
        mut each: impl FnMut(Row) -> Result<(), Error>,
    ) -> Result<(), Error> {
        // An unnamed statement with given types: one round trip, and no prepared statement that a pooler would mix up.
        let parameters: Vec<_> = parameters.iter().map(Parameter::typed).collect();
        let rows = self.client.query_typed_raw(sql, parameters).await;
        let mut rows = pin!(rows.map_err(|error| Error::driver("query", &error))?);
        while let Some(row) = rows.try_next().await.map_err(|error| Error::driver("query", &error))? {
            each(Row(row))?;
        }
        Ok(())
    }
}

/// Whether no further query can succeed after this.
fn ends_session(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::Disconnected | ErrorKind::Unavailable | ErrorKind::NoDatabase)
}

/// What it takes to stop a statement on the server and to give its connection up.
#[derive(Clone)]
struct Canceller {
    token: CancelToken,
    tls: MakeRustlsConnect,
    driver: AbortHandle,
}

impl Canceller {
    /// Asks the server to stop, then closes the connection, whether the server listened or not.
    async fn cancel(self) {
        let _ = tokio::time::timeout(CANCEL_TIMEOUT, self.token.cancel_query(self.tls)).await;
        self.driver.abort();
    }
}

/// Cancels the running statement unless told that it came to its end.
struct CancelOnDrop<'a> {
    canceller: &'a Canceller,
    armed: bool,
}

impl Drop for CancelOnDrop<'_> {
    fn drop(&mut self) {
        if self.armed {
            // The server's own statement_timeout bounds the statement where this request does not get through.
            tokio::spawn(self.canceller.clone().cancel());
        }
    }
}
