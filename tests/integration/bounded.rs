//! No statement of the exporter outlives its time-out, nor whoever asked for it.

use std::time::Duration;

use pgwarden::config::{Config, Environment};
use pgwarden::postgres::{Budget, ErrorKind, Session};

use crate::support::{Cluster, Database, PATIENCE, Role, on_majors};

async fn open(database: &Database<'_>, budget: &Budget) -> Session {
    let config = Config::for_connection(&*database.url(Role::Nobody), &Environment::of([])).unwrap();
    Session::open(&config.targets[0].connection, &database.name, &config.sessions, budget).await.unwrap()
}

const ENDLESS: &str = "SELECT pg_sleep(3600)";

/// Whether the server runs nothing of ours any more.
async fn wait_until_quiet(database: &Database<'_>) {
    let quiet = format!(
        "SELECT count(*) = 0 FROM pg_stat_activity
          WHERE datname = '{}' AND application_name = 'pgwarden' AND state <> 'idle'",
        database.name
    );
    database.session().await.wait_until_holds(&quiet, PATIENCE).await;
}

on_majors! {
    [pg13 = 13, pg18 = 18]

    async fn a_statement_that_takes_too_long_is_ended_by_the_server(major: Major) {
        let database = Cluster::shared(major).database().await;
        let mut session = open(&database, &Budget::exporter(1)).await;
        session.start_round(Duration::from_millis(200));
        assert_eq!(session.query(ENDLESS, &[]).await.unwrap_err().kind(), ErrorKind::Timeout);
        assert_eq!(session.query("SELECT 1", &[]).await.unwrap_err().kind(), ErrorKind::Timeout, "its round is over");
        wait_until_quiet(&database).await;
        session.start_round(PATIENCE);
        session.query("SELECT 1", &[]).await.unwrap();
    }

    async fn a_statement_that_nobody_waits_for_any_more_is_cancelled_and_its_connection_given_back(major: Major) {
        let database = Cluster::shared(major).database().await;
        let budget = Budget::exporter(1);
        let mut session = open(&database, &budget).await;
        session.start_round(PATIENCE);
        let given_up = tokio::time::timeout(Duration::from_millis(200), session.query(ENDLESS, &[])).await;
        assert!(given_up.is_err());
        wait_until_quiet(&database).await;
        drop(session);
        open(&database, &budget).await;
    }
}
