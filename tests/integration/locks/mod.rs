//! Which migrations `pgwarden locks` calls stuck, how and by whose fault; and which it leaves alone.

mod autovacuum;
mod backups;
mod behind_ddl;
mod concurrently;
mod graph;
mod healthy;
mod human;
mod many;
mod standbys;
mod upgrades;
mod visibility;
mod waits;
mod watch;

use std::time::Duration;

use pgwarden::locks::Kind;
use serde_json::Value;

use crate::support::{Cluster, Database, Output, PATIENCE, Pgwarden, Role, Watcher, wait_for};

/// Runs `pgwarden locks` for a role on a database. Waits of a second are stuck ones, so that tests are quick.
async fn locks(url: &str, arguments: &[&str]) -> Output {
    let fixed = ["locks", "--database", url, "--format", "json"];
    let quick = ["--stuck-after", "1s"];
    let quick = if arguments.contains(&"--stuck-after") { &quick[..0] } else { &quick[..] };
    Pgwarden::new(fixed.iter().chain(quick).chain(arguments)).run().await
}

/// The entries of `list` that concern a database: others on the same server are other tests' business.
fn of_database<'a>(report: &'a Value, list: &str, datname: &str) -> Vec<&'a Value> {
    report[list].as_array().unwrap().iter().filter(|entry| entry["datname"] == datname).collect()
}

/// The migrations in flight in a database.
async fn migrations(database: &Database<'_>, arguments: &[&str]) -> Vec<Value> {
    let output = locks(&database.url(Role::Superuser), arguments).await;
    of_database(&output.json(), "migrations", &database.name).into_iter().cloned().collect()
}

/// Waits until a session is reported as stuck, by the command and by the metrics, and says how.
async fn stuck(database: &Database<'_>, pid: i32, arguments: &[&str]) -> Value {
    stuck_at(database.cluster, Role::Superuser, &database.name, pid, arguments).await
}

async fn stuck_at(cluster: &Cluster, role: Role, datname: &str, pid: i32, arguments: &[&str]) -> Value {
    let url = cluster.url(role, datname);
    let migration = wait_for(&format!("{pid} is stuck"), PATIENCE, async || {
        let output = locks(&url, arguments).await;
        let report = output.json();
        let mut migrations = report["migrations"].as_array().unwrap().iter();
        let found = migrations.find(|it| it["pid"] == pid && it["stuck"] == true)?.clone();
        assert_eq!(output.code, 1, "{output:?}");
        Some(found)
    })
    .await;
    assert_metrics_agree(watcher(cluster, role, datname).await, &migration).await;
    migration
}

/// A watcher that takes waits of a second for stuck ones, and leaves none out.
async fn watcher(cluster: &Cluster, role: Role, datname: &str) -> Watcher {
    let mut watcher = Watcher::open_on(cluster, role, datname).await;
    watcher.config.migrations.stuck_after = Duration::from_secs(1);
    watcher.config.migrations.max_migrations = usize::MAX;
    watcher
}

/// Waits until the metrics say the same of a stuck migration as the command does.
async fn assert_metrics_agree(mut watcher: Watcher, migration: &Value) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let number = |value: &Value| value.as_i64().map(|number| number.to_string()).unwrap_or_default();
    let (datname, kind) = (text(&migration["datname"]), text(&migration["kind"]));
    let expected =
        [number(&migration["pid"]), kind.clone(), number(&migration["culprit_pid"]), text(&migration["culprit_kind"])];
    wait_for(&format!("the metrics tell of {expected:?}"), PATIENCE, async || {
        let round = watcher.round("migrations").await;
        let infos = round.series("pgwarden_stuck_migration_info");
        // pid, kind, culprit_pid and culprit_kind, as the definition orders them.
        infos.iter().find(|info| [1, 2, 7, 8].map(|label| info.labels[label].to_string()) == expected)?;
        assert!(round.number("pgwarden_migrations_stuck", &[&datname, &kind]).unwrap() >= 1.0, "{datname} {kind}");
        Some(())
    })
    .await;
}

/// Asserts kind, culprit and relation of a stuck migration.
fn assert_stuck(
    migration: &Value,
    kind: &str,
    culprit_pid: impl Into<Option<i32>>,
    relation: impl Into<Option<&'static str>>,
) {
    let found = (&migration["kind"], &migration["culprit_pid"], &migration["relation"]);
    let (culprit_pid, relation) = (Value::from(culprit_pid.into()), Value::from(relation.into()));
    assert_eq!(found, (&Value::from(kind), &culprit_pid, &relation), "{migration:#}");
}

/// Looks twice, two seconds apart, at what should be let alone, by the command and by the metrics.
async fn assert_nothing_stuck(database: &Database<'_>) -> Vec<Value> {
    let mut watcher = watcher(database.cluster, Role::Superuser, &database.name).await;
    watcher.round("migrations").await;
    let migrations = migrations(database, &["--sample", "2s"]).await;
    assert!(migrations.iter().all(|migration| migration["stuck"] == false), "{migrations:#?}");
    let round = watcher.round("migrations").await;
    for kind in Kind::ALL {
        let stuck = round.number("pgwarden_migrations_stuck", &[&database.name, kind.name()]);
        assert_eq!(stuck, Some(0.0), "{}", kind.name());
    }
    assert_eq!(round.number("pgwarden_migrations_in_flight", &[&database.name]), Some(migrations.len() as f64));
    migrations
}

/// Asserts that nobody in the database is taken for a migration, even on a second look.
async fn assert_no_migration(database: &Database<'_>) {
    let migrations = assert_nothing_stuck(database).await;
    assert!(migrations.is_empty(), "{migrations:#?}");
}
