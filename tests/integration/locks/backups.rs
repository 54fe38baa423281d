//! Dumps, which lock every table of a database, its version tables among them.

use std::process::Stdio;

use tokio::process::{Child, Command};

use super::{assert_no_migration, assert_nothing_stuck, assert_stuck, stuck};
use crate::support::{Cluster, Database, PATIENCE, Role, Session, on_majors};

/// A database with a version table and a table that does not fit into a pipe.
async fn prepare(database: &Database<'_>) -> Session {
    let session = database.session().await;
    session
        .execute("CREATE TABLE alembic_version (version_num text); CREATE TABLE users AS SELECT generate_series(1, 200000) AS id")
        .await;
    session
}

/// A dump whose output nobody reads, so that it stands still in the middle of its work.
fn dump(database: &Database<'_>) -> Child {
    let mut dump = Command::new("pg_dump");
    dump.args(["--dbname", &database.url(Role::Superuser)]).stdout(Stdio::piped()).kill_on_drop(true);
    dump.spawn().expect("pg_dump can be run")
}

const DUMPS: &str = "FROM pg_stat_activity WHERE application_name = 'pg_dump' AND datname = current_database()";

// The dump of Debian does not read newer servers.
on_majors! {
    [pg13 = 13, pg15 = 15]

    async fn a_dump_is_no_migration(major: Major) {
        let database = Cluster::shared(major).database().await;
        let session = prepare(&database).await;
        let _dump = dump(&database);
        session.wait_until_holds(&format!("SELECT count(*) = 1 {DUMPS} AND query LIKE 'COPY%'"), PATIENCE).await;
        assert_no_migration(&database).await;
    }

    async fn a_dump_in_the_way_is_named_as_one(major: Major) {
        let database = Cluster::shared(major).database().await;
        let session = prepare(&database).await;
        let _dump = dump(&database);
        session.wait_until_holds(&format!("SELECT count(*) = 1 {DUMPS} AND query LIKE 'COPY%'"), PATIENCE).await;
        let pid = session.query_text(&format!("SELECT pid {DUMPS}")).await.unwrap().parse::<i32>().unwrap();
        let alter = database.session().await.start_waiting("ALTER TABLE users ADD email text").await;
        let migration = stuck(&database, alter.pid, &[]).await;
        assert_stuck(&migration, "lock_wait", pid, "public.users");
        assert_eq!(migration["culprit_kind"], "backup");
    }

    async fn a_dump_that_waits_for_a_migration_is_none_itself(major: Major) {
        let database = Cluster::shared(major).database().await;
        let session = prepare(&database).await;
        let upgrade = database.session().await;
        upgrade.execute("BEGIN; SELECT * FROM alembic_version; ALTER TABLE users ADD email text").await;
        let upgrade = upgrade.start("SELECT pg_sleep(60)");
        let _dump = dump(&database);
        session.wait_until_holds(&format!("SELECT count(*) = 1 {DUMPS} AND wait_event_type = 'Lock'"), PATIENCE).await;
        let migrations = assert_nothing_stuck(&database).await;
        assert_eq!((migrations.len(), &migrations[0]["pid"]), (1, &upgrade.pid.into()), "{migrations:#?}");
    }
}

on_majors! {
    [pg18 = 18]

    async fn what_a_dump_does_is_no_migration_and_is_named_when_in_the_way(major: Major) {
        let database = Cluster::shared(major).database().await;
        let _session = prepare(&database).await;
        let dump = database.session().await;
        dump.execute("SET application_name = 'pg_dump'; BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await;
        dump.execute("LOCK TABLE alembic_version, users IN ACCESS SHARE MODE").await;
        let dump = dump.start("COPY (SELECT id, pg_sleep(60) FROM users) TO STDOUT");
        assert_no_migration(&database).await;
        let alter = database.session().await.start_waiting("ALTER TABLE users ADD email text").await;
        let migration = stuck(&database, alter.pid, &[]).await;
        assert_stuck(&migration, "lock_wait", dump.pid, "public.users");
        assert_eq!(migration["culprit_kind"], "backup");
    }
}
