//! Raw SQL sessions, for the part that users and their migrations play.

use std::ops::Deref;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_postgres::{Client, Config, Error, NoTls, SimpleQueryMessage};

use super::{PATIENCE, wait_until};

/// A connection to a server; the methods of `tokio_postgres::Client` are there too.
pub struct Session {
    client: Client,
    connection: Config,
    /// The process id of its backend.
    pub pid: i32,
}

impl Deref for Session {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

impl Session {
    /// Opens a session that must come about.
    pub async fn connect(connection: Config) -> Self {
        Self::try_connect(connection).await.expect("a session can be opened")
    }

    /// Opens a session.
    pub async fn try_connect(connection: Config) -> Result<Self, Error> {
        let (client, driver) = connection.connect(NoTls).await?;
        tokio::spawn(driver);
        let pid = client.query_one("SELECT pg_backend_pid()", &[]).await?.get(0);
        Ok(Self { client, connection, pid })
    }

    /// Runs statements that must succeed, in one transaction as long as they hold no BEGIN or COMMIT.
    pub async fn execute(&self, statements: &str) {
        self.batch_execute(statements).await.unwrap_or_else(|error| panic!("{statements}: {}", explain(&error)));
    }

    /// The first column of the first row, as text; `None` for NULL and for no row.
    pub async fn query_text(&self, query: &str) -> Option<String> {
        let messages = self.simple_query(query).await.unwrap_or_else(|error| panic!("{query}: {}", explain(&error)));
        messages.iter().find_map(|message| match message {
            SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
            _ => None,
        })
    }

    /// Whether a query gives true.
    pub async fn holds(&self, query: &str) -> bool {
        self.query_text(query).await.as_deref() == Some("t")
    }

    /// Starts statements and returns at once.
    pub fn start(self, statements: &str) -> Background {
        let pid = self.pid;
        let statements = statements.to_owned();
        let task = tokio::spawn(async move {
            let result = self.batch_execute(&statements).await;
            (self, result)
        });
        Background { pid, task }
    }

    /// Starts statements and returns when the server shows them waiting for a lock.
    pub async fn start_waiting(self, statements: &str) -> Background {
        let observer = Self::connect(self.connection.clone()).await;
        let mut background = self.start(statements);
        let query = format!("SELECT wait_event_type = 'Lock' FROM pg_stat_activity WHERE pid = {}", background.pid);
        tokio::select! {
            end = &mut background.task => panic!("{statements}: ended without waiting: {:?}", end.map(|(_, result)| result)),
            () = observer.wait_until_holds(&query, PATIENCE) => background,
        }
    }

    /// Returns when a query gives true.
    pub async fn wait_until_holds(&self, query: &str, patience: Duration) {
        wait_until(query, patience, async || self.holds(query).await).await;
    }
}

/// Statements that run while the test goes on. Dropping it closes the connection, which the server notices when they end.
pub struct Background {
    /// The process id of the backend.
    pub pid: i32,
    task: JoinHandle<(Session, Result<(), Error>)>,
}

impl Background {
    /// Waits for the end of the statements.
    pub async fn finish(self) -> (Session, Result<(), Error>) {
        let end = tokio::time::timeout(PATIENCE, self.task).await;
        end.expect("the statements end in time").expect("they do not panic")
    }

    /// Whether the statements have ended.
    pub fn is_finished(&self) -> bool {
        self.task.is_finished()
    }
}

/// The server's own words, which `Display` leaves out.
fn explain(error: &Error) -> String {
    error.as_db_error().map_or_else(|| error.to_string(), ToString::to_string)
}
