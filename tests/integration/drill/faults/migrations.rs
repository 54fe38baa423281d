//! Migrations that get stuck, by every kind.

use std::time::Duration;

use crate::drill::fleet::{Fleet, cancel};
use crate::drill::stage::{Alarm, Stage};
use crate::support::{Background, PATIENCE, Session};

const STUCK: &str = "PgwardenMigrationStuck";
const ABANDONED: &str = "PgwardenMigrationAbandoned";

/// The worker that does not yield.
const AUTOVACUUM: &str = "FROM pg_stat_activity
    WHERE backend_type = 'autovacuum worker' AND query LIKE '%users (to prevent wraparound)'";

/// Starts sessions that wait, as an application's do.
async fn queue(fleet: &Fleet, datname: &str, sessions: usize, statement: &str) -> Vec<Background> {
    let mut queue = Vec::new();
    for _ in 0..sessions {
        queue.push(fleet.session(datname).await.start_waiting(statement).await);
    }
    queue
}

/// Has all who wait give up.
async fn give_up(fleet: &Fleet, queue: Vec<Background>) {
    for waiting in queue {
        cancel(&fleet.main, waiting.pid).await;
    }
}

/// A transaction that has read from a table and stays open.
async fn reader(fleet: &Fleet, datname: &str) -> Session {
    let session = fleet.session(datname).await;
    session.execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT * FROM users").await;
    session
}

/// It wakes somebody up only when users wait too, and then nothing else speaks of what it causes.
pub async fn waits_for_a_reader(stage: &Stage, fleet: &Fleet) {
    let place: &[_] = &[("target", "main"), ("datname", "lock_wait")];
    let labels = &[place[0], place[1], ("kind", "lock_wait"), ("schemaname", "public"), ("relname", "users")];
    let reader = reader(fleet, "lock_wait").await;
    let alter = fleet.session("lock_wait").await.start_waiting("ALTER TABLE users ADD email text").await;
    stage.fires(Alarm::warning(STUCK, labels)).await;
    let mut waiting = queue(fleet, "lock_wait", 1, "SELECT * FROM users").await;
    stage.fires(Alarm::critical(STUCK, labels)).await;
    waiting.extend(queue(fleet, "lock_wait", 10, "SELECT * FROM users").await);
    stage.inhibits(Alarm::critical("PgwardenLockQueueGrowing", place)).await;
    stage.inhibits(Alarm::warning("PgwardenIdleInTransaction", place)).await;
    stage.inhibits(Alarm::warning("PgwardenLongTransaction", place)).await;
    stage.burns().await;
    give_up(fleet, waiting).await;
    stage.resolves(Alarm::critical(STUCK, labels)).await;
    reader.execute("ROLLBACK").await;
    alter.finish().await.1.unwrap();
    stage.resolves(Alarm::warning(STUCK, labels)).await;
}

/// A migration that nobody has finished.
pub async fn is_left_open(stage: &Stage, fleet: &Fleet) {
    let labels = &[("target", "main"), ("datname", "abandoned"), ("schemaname", "public"), ("relname", "users")];
    let migration = fleet.session("abandoned").await;
    migration.execute("SET application_name = 'deploy'").await;
    migration.execute("BEGIN; ALTER TABLE users ADD email text").await;
    stage.fires(Alarm::warning(ABANDONED, labels)).await;
    let queue = queue(fleet, "abandoned", 2, "SELECT * FROM users").await;
    stage.fires(Alarm::critical(ABANDONED, labels)).await;
    stage.burns().await;
    give_up(fleet, queue).await;
    stage.resolves(Alarm::critical(ABANDONED, labels)).await;
    migration.execute("ROLLBACK").await;
    stage.resolves(Alarm::warning(ABANDONED, labels)).await;
}

/// The team loses patience with a concurrent build, and an invalid index remains.
pub async fn builds_an_index_until_somebody_cancels_it(stage: &Stage, fleet: &Fleet) {
    let labels = &[
        ("target", "main"),
        ("datname", "concurrent_index_wait"),
        ("kind", "concurrent_index_wait"),
        ("relname", "users"),
    ];
    let invalid = Alarm::warning(
        "PgwardenInvalidIndex",
        &[("target", "main"), ("datname", "concurrent_index_wait"), ("relname", "users"), ("indexrelname", "users_id")],
    );
    let reader = reader(fleet, "concurrent_index_wait").await;
    let build = fleet.session("concurrent_index_wait").await;
    let build = build.start_waiting("CREATE INDEX CONCURRENTLY users_id ON users (id)").await;
    stage.fires(Alarm::warning(STUCK, labels)).await;
    cancel(&fleet.main, build.pid).await;
    build.finish().await.1.unwrap_err();
    stage.resolves(Alarm::warning(STUCK, labels)).await;
    reader.execute("ROLLBACK").await;
    stage.fires(invalid).await;
    stage.burns().await;
    reader.execute("DROP INDEX CONCURRENTLY users_id").await;
    stage.resolves(invalid).await;
}

/// Two deployments at once.
pub async fn meets_another_upgrade(stage: &Stage, fleet: &Fleet) {
    let labels = &[
        ("target", "main"),
        ("datname", "version_table_conflict"),
        ("kind", "version_table_conflict"),
        ("relname", "alembic_version"),
    ];
    let first = fleet.session("version_table_conflict").await;
    first.execute("BEGIN; SELECT * FROM alembic_version; UPDATE alembic_version SET version_num = 'd4'").await;
    let first = first.start("SELECT pg_sleep(600)");
    let second = fleet.session("version_table_conflict").await;
    second.execute("BEGIN; SELECT * FROM alembic_version").await;
    let second = second.start_waiting("UPDATE alembic_version SET version_num = 'd4'").await;
    stage.fires(Alarm::warning(STUCK, labels)).await;
    stage.burns().await;
    cancel(&fleet.main, first.pid).await;
    drop(first);
    second.finish().await.0.execute("ROLLBACK").await;
    stage.resolves(Alarm::warning(STUCK, labels)).await;
}

/// A transaction manager has forgotten what it prepared.
pub async fn waits_for_a_prepared_transaction(stage: &Stage, fleet: &Fleet) {
    let labels = &[
        ("target", "main"),
        ("datname", "prepared_transaction"),
        ("kind", "prepared_transaction"),
        ("relname", "users"),
    ];
    let session = fleet.session("prepared_transaction").await;
    session.execute("BEGIN; INSERT INTO users VALUES (1)").await;
    session.execute("PREPARE TRANSACTION 'order'").await;
    let alter = fleet.session("prepared_transaction").await.start_waiting("ALTER TABLE users ADD email text").await;
    stage.fires(Alarm::warning(STUCK, labels)).await;
    stage.burns().await;
    session.execute("ROLLBACK PREPARED 'order'").await;
    alter.finish().await.1.unwrap();
    stage.resolves(Alarm::warning(STUCK, labels)).await;
}

/// Nobody is in the way, and still nothing moves.
pub async fn stands_still(stage: &Stage, fleet: &Fleet) {
    let labels = &[("target", "main"), ("datname", "no_progress"), ("kind", "no_progress"), ("relname", "users")];
    let session = fleet.session("no_progress").await;
    let slow = "CREATE FUNCTION slow(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN PERFORM pg_sleep(600); RETURN $1; END'";
    session.execute(slow).await;
    let build = fleet.session("no_progress").await.start("CREATE INDEX users_slow ON users (slow(id))");
    stage.fires(Alarm::warning(STUCK, labels)).await;
    stage.burns().await;
    cancel(&fleet.main, build.pid).await;
    stage.resolves(Alarm::warning(STUCK, labels)).await;
}

/// An autovacuum against wraparound does not yield; it is there because the ids of transactions run out.
pub async fn waits_for_an_autovacuum(stage: &Stage, fleet: &Fleet) {
    let place: &[_] = &[("target", "archive"), ("datname", "postgres")];
    let labels = &[place[0], place[1], ("kind", "autovacuum"), ("relname", "users")];
    let [warning, critical] =
        [Alarm::warning, Alarm::critical].map(|alarm| alarm("PgwardenTransactionIdsRunningOut", place));
    let session = fleet.archive.session().await;
    session
        .execute(
            "CREATE TABLE users (id int) WITH (autovacuum_enabled = false, autovacuum_vacuum_cost_delay = 100,
                                               autovacuum_vacuum_cost_limit = 1);
             INSERT INTO users SELECT generate_series(1, 200000)",
        )
        .await;
    session.execute("CREATE TABLE burn (id int)").await;
    stage.expects(Alarm::warning("PgwardenTransactionIdsRunningOut", &place[..1]));
    // The worker has not come to the statistics of these tables.
    stage.expects(Alarm::warning("PgwardenStatisticsStale", place));
    burn_transaction_ids(&session, 40_000).await;
    stage.fires(warning).await;
    burn_transaction_ids(&session, 70_000).await;
    stage.expects(Alarm::critical("PgwardenTransactionIdsRunningOut", &place[..1]));
    stage.fires(critical).await;
    session.wait_until_holds(&format!("SELECT EXISTS (SELECT {AUTOVACUUM})"), PATIENCE).await;
    let alter = fleet.archive.session().await.start_waiting("ALTER TABLE users ADD email text").await;
    stage.fires(Alarm::warning(STUCK, labels)).await;
    stage.burns().await;
    let faster = "ALTER TABLE users SET (autovacuum_vacuum_cost_delay = 0)";
    let faster = fleet.archive.session().await.start_waiting(faster).await;
    // The next worker may still have begun with the old settings. Autovacuum keeps half of the ids unfrozen.
    let freeze = fleet.archive.session().await;
    let freeze = async {
        alter.finish().await.1.unwrap();
        faster.finish().await.1.unwrap();
        freeze.execute("SET vacuum_freeze_min_age = 50000; SET vacuum_freeze_table_age = 0").await;
        freeze.execute("VACUUM").await;
    };
    let end = async {
        loop {
            session.execute(&format!("SELECT pg_terminate_backend(pid) {AUTOVACUUM}")).await;
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    tokio::select! {
        () = freeze => {}
        () = end => {}
    }
    stage.resolves(Alarm::warning(STUCK, labels)).await;
    stage.resolves(critical).await;
    session.execute("VACUUM (FREEZE)").await;
    stage.resolves(warning).await;
}

/// Each savepoint that writes takes an id.
async fn burn_transaction_ids(session: &Session, ids: u32) {
    let savepoint = "BEGIN INSERT INTO burn VALUES (i); EXCEPTION WHEN others THEN NULL; END";
    session.execute(&format!("DO 'BEGIN FOR i IN 1..{ids} LOOP {savepoint}; END LOOP; END'")).await;
}
