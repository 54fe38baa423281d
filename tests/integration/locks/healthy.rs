//! What looks busy and is healthy.

use super::{assert_no_migration, assert_nothing_stuck, migrations};
use crate::support::{Cluster, Database, PATIENCE, on_majors};

/// Enough rows that work on them takes a while when each page is paid for.
const MANY_USERS: &str =
    "CREATE TABLE users AS SELECT generate_series(1, 200000) AS id; DELETE FROM users WHERE id % 2 = 0";

async fn with_users(database: &Database<'_>) {
    database
        .session()
        .await
        .execute("CREATE TABLE users (id int); CREATE TABLE alembic_version (version_num text)")
        .await;
}

on_majors! {
    [pg13 = 13, pg15 = 15, pg18 = 18]

    async fn a_long_migration_that_blocks_nobody_is_in_flight(major: Major) {
        let database = Cluster::shared(major).database().await;
        with_users(&database).await;
        let upgrade = database.session().await;
        upgrade.execute("BEGIN; SELECT * FROM alembic_version; ALTER TABLE users ADD email text").await;
        let upgrade = upgrade.start("SELECT pg_sleep(60)");
        let migrations = assert_nothing_stuck(&database).await;
        assert_eq!(migrations.len(), 1, "{migrations:#?}");
        assert_eq!((&migrations[0]["pid"], &migrations[0]["phase"]), (&upgrade.pid.into(), &"running".into()));
        let signs = serde_json::json!(["version_table", "lock_mode"]);
        assert_eq!((&migrations[0]["recognised_by"], &migrations[0]["relation"]), (&signs, &"public.users".into()));
    }

    async fn a_long_select_nobody_waits_for_is_nothing(major: Major) {
        let database = Cluster::shared(major).database().await;
        with_users(&database).await;
        let _query = database.session().await.start("SELECT count(*), pg_sleep(60) FROM users");
        assert_no_migration(&database).await;
    }

    async fn an_open_transaction_nobody_waits_for_is_nothing(major: Major) {
        let database = Cluster::shared(major).database().await;
        with_users(&database).await;
        let session = database.session().await;
        session.execute("BEGIN; INSERT INTO users VALUES (1)").await;
        assert_no_migration(&database).await;
    }

    async fn a_vacuum_is_no_migration_running_or_waiting(major: Major) {
        let database = Cluster::shared(major).database().await;
        let session = database.session().await;
        session.execute(MANY_USERS).await;
        let vacuum = database.session().await;
        vacuum.execute("SET vacuum_cost_delay = 100; SET vacuum_cost_limit = 1").await;
        let vacuum = vacuum.start("VACUUM users");
        let running = format!("SELECT EXISTS (SELECT FROM pg_stat_progress_vacuum WHERE pid = {})", vacuum.pid);
        session.wait_until_holds(&running, PATIENCE).await;
        let _second = database.session().await.start_waiting("VACUUM users").await;
        let _analyze = database.session().await.start_waiting("ANALYZE users").await;
        assert_no_migration(&database).await;
    }

    async fn a_copy_is_no_migration(major: Major) {
        let database = Cluster::shared(major).database().await;
        with_users(&database).await;
        let _copy = database.session().await.start("COPY users FROM PROGRAM 'sleep 10'");
        assert_no_migration(&database).await;
    }

    async fn temporary_tables_are_nobodys_business(major: Major) {
        let database = Cluster::shared(major).database().await;
        let session = database.session().await;
        session.execute("CREATE TEMPORARY TABLE scratch (id int)").await;
        session.execute("BEGIN; ALTER TABLE scratch ADD x int; CREATE TEMPORARY TABLE more (id int)").await;
        assert_no_migration(&database).await;
    }

    async fn logical_replication_is_no_migration(major: Major) {
        let (source, copy) = (Cluster::shared(major).database().await, Cluster::shared(major).database().await);
        let publisher = source.session().await;
        publisher.execute("CREATE TABLE users (id int PRIMARY KEY); CREATE PUBLICATION everything FOR ALL TABLES").await;
        let slot = format!("slot_{}", source.name);
        publisher.execute(&format!("SELECT pg_create_logical_replication_slot('{slot}', 'pgoutput')")).await;
        let subscriber = copy.session().await;
        subscriber.execute("CREATE TABLE users (id int PRIMARY KEY)").await;
        let connection = format!("host=127.0.0.1 port={} user=postgres dbname={}", source.cluster.port, source.name);
        subscriber
            .execute(&format!(
                "CREATE SUBSCRIPTION sub_{slot} CONNECTION '{connection}' PUBLICATION everything
                 WITH (create_slot = false, slot_name = '{slot}')"
            ))
            .await;
        publisher.execute("INSERT INTO users SELECT generate_series(1, 100)").await;
        subscriber.wait_until_holds("SELECT count(*) = 100 FROM users", PATIENCE).await;
        let reader = copy.session().await;
        reader.execute("BEGIN; LOCK TABLE users IN SHARE MODE").await;
        publisher.execute("INSERT INTO users VALUES (101)").await;
        let applies = "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND relation = 'users'::regclass)";
        subscriber.wait_until_holds(applies, PATIENCE).await;
        let migrations = migrations(&copy, &[]).await;
        reader.execute("ROLLBACK").await;
        subscriber.execute(&format!("ALTER SUBSCRIPTION sub_{slot} DISABLE")).await;
        subscriber.execute(&format!("ALTER SUBSCRIPTION sub_{slot} SET (slot_name = NONE)")).await;
        subscriber.execute(&format!("DROP SUBSCRIPTION sub_{slot}")).await;
        let pids: Vec<_> = migrations.iter().map(|migration| migration["pid"].clone()).collect();
        assert_eq!(pids, [reader.pid], "only the lock is one: {migrations:#?}");
    }

    async fn an_index_build_that_moves_is_in_flight(major: Major) {
        let database = Cluster::shared(major).database().await;
        let session = database.session().await;
        session.execute("CREATE TABLE users AS SELECT generate_series(1, 100000) AS id").await;
        session.execute(
            "CREATE FUNCTION slow(int) RETURNS int LANGUAGE plpgsql IMMUTABLE
             AS 'BEGIN IF $1 % 100 = 0 THEN PERFORM pg_sleep(0.05); END IF; RETURN $1; END'",
        ).await;
        let build = database.session().await.start("CREATE INDEX CONCURRENTLY users_slow ON users (slow(id))");
        let scans = "SELECT EXISTS (SELECT FROM pg_stat_progress_create_index WHERE phase LIKE '%scanning%' AND datname = current_database())";
        session.wait_until_holds(scans, PATIENCE).await;
        let migrations = assert_nothing_stuck(&database).await;
        assert_eq!((migrations.len(), &migrations[0]["pid"]), (1, &build.pid.into()), "{migrations:#?}");
    }

    async fn an_index_build_that_writers_queue_behind_is_in_flight(major: Major) {
        let database = Cluster::shared(major).database().await;
        with_users(&database).await;
        let build = database.session().await;
        build.execute("BEGIN; LOCK TABLE users IN SHARE MODE").await;
        let build = build.start("SELECT pg_sleep(60)");
        let _writer = database.session().await.start_waiting("INSERT INTO users VALUES (1)").await;
        let migrations = assert_nothing_stuck(&database).await;
        assert_eq!((&migrations[0]["pid"], &migrations[0]["queued"]), (&build.pid.into(), &1.into()), "{migrations:#?}");
    }

    async fn jobs_that_share_an_advisory_lock_are_no_migrations(major: Major) {
        let database = Cluster::shared(major).database().await;
        let holder = database.session().await;
        holder.execute("SELECT pg_advisory_lock(42)").await;
        let _waiter = database.session().await.start_waiting("SELECT pg_advisory_lock(42)").await;
        assert_no_migration(&database).await;
    }

    async fn a_client_that_writes_large_objects_is_no_migration(major: Major) {
        let database = Cluster::shared(major).database().await;
        with_users(&database).await;
        let holder = database.session().await;
        holder.execute("INSERT INTO users VALUES (1)").await;
        holder.execute("BEGIN; UPDATE users SET id = 2").await;
        let writer = database.session().await;
        writer.execute("BEGIN; SELECT lo_from_bytea(0, 'image')").await;
        let _writer = writer.start_waiting("UPDATE users SET id = 3").await;
        assert_no_migration(&database).await;
    }

    async fn a_materialized_view_that_is_refreshed_is_in_flight(major: Major) {
        let database = Cluster::shared(major).database().await;
        with_users(&database).await;
        let session = database.session().await;
        session.execute("CREATE MATERIALIZED VIEW naps AS SELECT pg_sleep(60)::text WITH NO DATA").await;
        let _refresh = session.start("REFRESH MATERIALIZED VIEW naps");
        let observer = database.session().await;
        observer.wait_until_holds("SELECT EXISTS (SELECT FROM pg_locks WHERE relation = 'naps'::regclass AND mode = 'AccessExclusiveLock')", PATIENCE).await;
        assert_nothing_stuck(&database).await;
    }
}
