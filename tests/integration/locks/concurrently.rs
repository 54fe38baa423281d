//! The concurrent forms of DDL, which wait for transactions rather than for tables.

use super::{assert_stuck, migrations, stuck};
use crate::support::{Background, Cluster, Database, PATIENCE, Session, on_majors};

/// A table, and a transaction that has read from it and stays open.
async fn open_reader(database: &Database<'_>, setup: &str, table: &str) -> Session {
    let session = database.session().await;
    session.execute(setup).await;
    session.execute(&format!("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT * FROM {table}")).await;
    session
}

/// Starts a statement that must stand alone and waits until it waits.
async fn concurrently(database: &Database<'_>, statement: &str) -> Background {
    database.session().await.start_waiting(statement).await
}

const INDEXED: &str = "CREATE TABLE users (id int); CREATE INDEX users_id ON users (id)";

on_majors! {
    [pg13 = 13, pg15 = 15, pg18 = 18]

    async fn create_index_concurrently_waits_for_an_old_transaction(major: Major) {
        let database = Cluster::shared(major).database().await;
        let reader = open_reader(&database, "CREATE TABLE users (id int)", "users").await;
        let build = concurrently(&database, "CREATE INDEX CONCURRENTLY users_id ON users (id)").await;
        let migration = stuck(&database, build.pid, &[]).await;
        assert_stuck(&migration, "concurrent_index_wait", reader.pid, "public.users");
        assert!(migration["phase"].as_str().unwrap().starts_with("waiting for"), "{migration:#}");
        assert_eq!(migration["culprit_kind"], "idle_in_transaction");
    }

    async fn reindex_concurrently_waits_for_an_old_transaction(major: Major) {
        let database = Cluster::shared(major).database().await;
        let reader = open_reader(&database, INDEXED, "users").await;
        let build = concurrently(&database, "REINDEX INDEX CONCURRENTLY users_id").await;
        assert_stuck(&stuck(&database, build.pid, &[]).await, "concurrent_index_wait", reader.pid, "public.users");
    }

    async fn drop_index_concurrently_waits_without_a_progress_row(major: Major) {
        let database = Cluster::shared(major).database().await;
        let reader = open_reader(&database, INDEXED, "users").await;
        let drop = concurrently(&database, "DROP INDEX CONCURRENTLY users_id").await;
        let migration = stuck(&database, drop.pid, &[]).await;
        assert_eq!((&migration["kind"], &migration["culprit_pid"]), (&"concurrent_index_wait".into(), &reader.pid.into()));
        assert_eq!(migration["progress"], serde_json::Value::Null);
        assert!(migration["relation"].as_str().unwrap().starts_with("public.users"), "{migration:#}");
    }

    async fn a_concurrent_build_behind_a_prepared_transaction_does_not_blame_whoever_prepared_it(major: Major) {
        let database = Cluster::shared(major).database().await;
        let session = database.session().await;
        session.execute("CREATE TABLE users (id int)").await;
        let gid = format!("order-{}", database.name);
        session.execute("BEGIN; INSERT INTO users VALUES (1)").await;
        session.execute(&format!("PREPARE TRANSACTION '{gid}'")).await;
        let build = concurrently(&database, "CREATE INDEX CONCURRENTLY users_id ON users (id)").await;
        let migration = stuck(&database, build.pid, &[]).await;
        assert_stuck(&migration, "prepared_transaction", None, "public.users");
        assert_eq!(migration["culprit"]["gid"], gid);
    }

    async fn a_build_that_stands_still_makes_no_progress(major: Major) {
        let database = Cluster::shared(major).database().await;
        let session = database.session().await;
        session.execute("CREATE TABLE users AS SELECT generate_series(1, 1000) AS id").await;
        session.execute(
            "CREATE FUNCTION slow(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN PERFORM pg_sleep(60); RETURN $1; END'",
        ).await;
        let build = database.session().await.start("CREATE INDEX users_slow ON users (slow(id))");
        let scans = "SELECT EXISTS (SELECT FROM pg_stat_progress_create_index WHERE phase LIKE 'building index: scanning%' AND datname = current_database())";
        session.wait_until_holds(scans, PATIENCE).await;
        let once = migrations(&database, &[]).await;
        assert!(once.iter().all(|migration| migration["stuck"] == false), "one sample cannot tell: {once:#?}");
        let migration = stuck(&database, build.pid, &["--sample", "2s"]).await;
        assert_stuck(&migration, "no_progress", build.pid, "public.users");
    }
}

on_majors! {
    [pg14 = 14, pg15 = 15, pg18 = 18]

    async fn a_detach_that_holds_no_lock_is_named_by_its_partition(major: Major) {
        let database = Cluster::shared(major).database().await;
        let setup = "CREATE TABLE events (id int) PARTITION BY LIST (id); CREATE TABLE events_1 PARTITION OF events FOR VALUES IN (1)";
        let reader = open_reader(&database, setup, "events").await;
        let detach = concurrently(&database, "ALTER TABLE events DETACH PARTITION events_1 CONCURRENTLY").await;
        assert_stuck(&stuck(&database, detach.pid, &[]).await, "concurrent_index_wait", reader.pid, "public.events_1");
    }
}
