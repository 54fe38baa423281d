//! Nothing that the exporter runs waits behind a migration, whether it holds ACCESS EXCLUSIVE or only queues for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::support::{Cluster, Database, Exporter, Major, PATIENCE, Role, Session, on_majors, wait_until};

/// The longest that a session of ours may be seen waiting for a lock.
const TOLERATED: Duration = Duration::from_millis(200);

const COLLECTORS: [&str; 7] =
    ["alembic", "table_sizes", "table_activity", "column_statistics", "privileges", "migrations", "debris"];

fn config(database: &Database<'_>, role: Role) -> String {
    let schedules =
        COLLECTORS.map(|name| format!("[collectors.{name}]\ninterval = \"1s\"\ntimeout = \"1s\"\n")).concat();
    format!(
        "[sessions]\napplication_name = \"{name}\"\n{schedules}\
         [collectors.activity]\ninterval = \"1s\"\ntimeout = \"1s\"\n\
         [collectors.locks]\ninterval = \"1s\"\ntimeout = \"1s\"\n\
         [[targets]]\nname = \"it\"\nconnection = \"{url}\"\ndatabases = [\"{name}\"]\n",
        name = database.name,
        url = database.url(role)
    )
}

async fn schema(database: &Database<'_>) -> Session {
    let session = database.session().await;
    session
        .execute(
            "CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY); INSERT INTO alembic_version VALUES ('a1');
             CREATE TABLE users (id int PRIMARY KEY, email text, age int CHECK (age > 0));
             CREATE INDEX users_email ON users (lower(email));
             CREATE TABLE orders (id int PRIMARY KEY, user_id int REFERENCES users);
             INSERT INTO users SELECT g, 'u' || g, g FROM generate_series(1, 500) g; ANALYZE",
        )
        .await;
    session
}

/// Watches for sessions of the exporter that wait for a lock, until it is stopped; returns the longest wait.
fn watch(observer: Session, application: &str) -> (Arc<AtomicBool>, tokio::task::JoinHandle<Duration>) {
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = Arc::clone(&stop);
    let query = format!(
        "SELECT count(*) > 0 FROM pg_stat_activity WHERE application_name = '{application}' AND wait_event_type = 'Lock'"
    );
    let task = tokio::spawn(async move {
        let (mut since, mut longest) = (None, Duration::ZERO);
        while !stopped.load(Ordering::Relaxed) {
            since = if observer.holds(&query).await { since.or_else(|| Some(Instant::now())) } else { None };
            longest = longest.max(since.map_or(Duration::ZERO, |since: Instant| since.elapsed()));
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        longest
    });
    (stop, task)
}

async fn last_success(exporter: &Exporter, collector: &str) -> Option<f64> {
    let labels = [("collector", collector)];
    exporter.metrics().await.value("pgwarden_collector_last_success_timestamp_seconds", &labels)
}

/// Waits until every collector has begun and ended good rounds since now.
async fn succeeds_on(exporter: &Exporter) {
    for collector in COLLECTORS {
        let before = last_success(exporter, collector).await.unwrap_or_default();
        wait_until(&format!("{collector} succeeds twice more"), PATIENCE, async || {
            last_success(exporter, collector).await.unwrap_or_default() > before + 1.2
        })
        .await;
    }
    let metrics = exporter.metrics().await;
    let failed: Vec<_> =
        metrics.select("pgwarden_collector_failures_total", &[]).filter(|sample| sample.value > 0.0).collect();
    assert!(failed.is_empty(), "{failed:?}\n{}", exporter.log());
}

/// Runs the exporter while `migrate` has left its sessions in the state under test.
async fn never_waits(major: Major, migrate: impl AsyncFnOnce(&Database<'_>), check: impl AsyncFnOnce(&Exporter)) {
    let cluster = Cluster::shared(major);
    let database = cluster.database().await;
    let _session = schema(&database).await;
    let exporter = Exporter::start(&config(&database, Role::Superuser)).await;
    let (stop, watcher) = watch(cluster.session().await, &database.name);
    migrate(&database).await;
    succeeds_on(&exporter).await;
    check(&exporter).await;
    stop.store(true, Ordering::Relaxed);
    let longest = watcher.await.unwrap();
    assert!(longest <= TOLERATED, "a session waited for a lock for {longest:?}");
}

async fn the_revision_is_the_last_known_one(exporter: &Exporter) {
    let metrics = exporter.metrics().await;
    let table = [("relname", "alembic_version")];
    assert_eq!(metrics.value("pgwarden_alembic_version_table_locked", &table), Some(1.0));
    assert_eq!(metrics.value("pgwarden_alembic_revision_info", &[("revision", "a1")]), Some(1.0));
    assert!(metrics.value("pgwarden_table_size_bytes", &[("relname", "users")]).unwrap() > 0.0);
    assert!(metrics.value("pgwarden_table_live_rows", &[("relname", "users")]).is_some());
}

on_majors! {
    [pg13 = 13, pg15 = 15, pg18 = 18]

    async fn while_a_migration_holds_access_exclusive(major: Major) {
        let mut held = None;
        never_waits(
            major,
            async |database| {
                let session = database.session().await;
                session.execute("BEGIN; LOCK TABLE users, orders, alembic_version IN ACCESS EXCLUSIVE MODE").await;
                held = Some(session);
            },
            the_revision_is_the_last_known_one,
        )
        .await;
    }

    async fn while_a_migration_only_queues_for_access_exclusive(major: Major) {
        let mut sessions = Vec::new();
        let mut queued = Vec::new();
        never_waits(
            major,
            async |database| {
                let reader = database.session().await;
                reader.execute("BEGIN; SELECT FROM users; SELECT FROM alembic_version").await;
                sessions.push(reader);
                for statement in ["ALTER TABLE users ADD COLUMN new int", "ALTER TABLE alembic_version ADD COLUMN new int"] {
                    queued.push(database.session().await.start_waiting(statement).await);
                }
            },
            the_revision_is_the_last_known_one,
        )
        .await;
    }

    async fn while_indexes_are_rebuilt(major: Major) {
        let mut held = None;
        never_waits(
            major,
            async |database| {
                let session = database.session().await;
                session.execute("BEGIN; REINDEX TABLE users; REINDEX TABLE alembic_version").await;
                held = Some(session);
            },
            async |exporter| {
                let metrics = exporter.metrics().await;
                assert_eq!(metrics.value("pgwarden_table_size_estimated", &[("relname", "users")]), Some(1.0));
                assert_eq!(metrics.value("pgwarden_table_size_estimated", &[("relname", "orders")]), Some(0.0));
            },
        )
        .await;
    }
}
