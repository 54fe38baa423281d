//! Which migrations `pgwarden locks` calls stuck, how and by whose fault; and which it leaves alone.

mod concurrently;
mod elsewhere;
mod healthy;
mod many;
mod upgrades;
mod visibility;
mod waits;

use serde_json::Value;

use crate::support::{Database, Output, PATIENCE, Pgwarden, Role, wait_for};

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

/// Waits until a session is reported as stuck, and says how.
async fn stuck(database: &Database<'_>, pid: i32, arguments: &[&str]) -> Value {
    stuck_at(&database.url(Role::Superuser), pid, arguments).await
}

async fn stuck_at(url: &str, pid: i32, arguments: &[&str]) -> Value {
    wait_for(&format!("{pid} is stuck"), PATIENCE, async || {
        let output = locks(url, arguments).await;
        let report = output.json();
        let mut migrations = report["migrations"].as_array().unwrap().iter();
        let found = migrations.find(|it| it["pid"] == pid && it["stuck"] == true)?.clone();
        assert_eq!(output.code, 1, "{output:?}");
        Some(found)
    })
    .await
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

/// Looks twice, two seconds apart, at what should be let alone.
async fn assert_nothing_stuck(database: &Database<'_>) -> Vec<Value> {
    let migrations = migrations(database, &["--sample", "2s"]).await;
    assert!(migrations.iter().all(|migration| migration["stuck"] == false), "{migrations:#?}");
    migrations
}

/// Asserts that nobody in the database is taken for a migration, even on a second look.
async fn assert_no_migration(database: &Database<'_>) {
    let migrations = migrations(database, &["--sample", "2s"]).await;
    assert!(migrations.is_empty(), "{migrations:#?}");
}
