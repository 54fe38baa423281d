//! The exporter as a service: stop, reload, secrets, state, logs.

use std::time::Duration;

use crate::support::{Cluster, Database, Exporter, Major, PATIENCE, Role, wait_until};

const NEWEST: Major = Major(18);

fn target(name: &str, database: &Database<'_>) -> String {
    let url = database.url(Role::Monitor);
    format!("[[targets]]\nname = \"{name}\"\nconnection = \"{url}\"\ndatabases = [\"{}\"]\n", database.name)
}

#[tokio::test]
async fn sigterm_ends_it_at_once_and_leaves_no_session() {
    let cluster = Cluster::shared(NEWEST);
    let database = cluster.database().await;
    let name = &database.name;
    let config = format!("[sessions]\napplication_name = \"{name}\"\n{}", target("it", &database));
    let exporter = Exporter::start(&config).await;
    let (status, duration) = exporter.stop().await;
    assert!(status.success(), "{status}");
    assert!(duration < Duration::from_secs(5), "it took {duration:?}");
    let gone = format!("SELECT count(*) = 0 FROM pg_stat_activity WHERE application_name = '{name}'");
    cluster.session().await.wait_until_holds(&gone, PATIENCE).await;
}

#[tokio::test]
async fn a_reload_takes_the_new_configuration_over_or_keeps_the_old_one_and_says_why() {
    let database = Cluster::shared(NEWEST).database().await;
    let exporter = Exporter::start(&target("old", &database)).await;
    let up = async |name| exporter.metrics().await.value("pgwarden_up", &[("target", name)]);
    let succeeded = async || exporter.metrics().await.value("pgwarden_config_last_reload_successful", &[]);

    exporter.configure("[web]\nport = 1\n");
    let answer = exporter.request(reqwest::Method::POST, "/-/reload", &[]).await;
    assert_eq!(answer.status, 500);
    assert!(answer.text().contains("config.toml:2:1"), "{}", answer.text());
    assert_eq!(succeeded().await, Some(0.0));
    assert_eq!(up("old").await, Some(1.0));

    exporter.configure(&target("new", &database));
    exporter.signal("HUP");
    wait_until("the new target is up", PATIENCE, async || up("new").await == Some(1.0)).await;
    assert_eq!(up("old").await, None);
    assert_eq!(succeeded().await, Some(1.0));
    assert_eq!(exporter.get("/-/reload", &[]).await.status, 405);
}

#[tokio::test]
async fn a_target_is_told_up_and_ready_whatever_is_collected() {
    let database = Cluster::shared(NEWEST).database().await;
    let off: String = ["server", "database", "privileges", "activity", "locks", "migrations"]
        .map(|name| format!("[collectors.{name}]\nenabled = false\n"))
        .concat();
    let exporter = Exporter::start(&format!("{off}{}", target("it", &database))).await;
    assert_eq!(exporter.metrics().await.value("pgwarden_up", &[("target", "it")]), Some(1.0));
}

#[tokio::test]
async fn a_failure_is_logged_once_and_no_secret_is_shown_anywhere() {
    let config = "[log]\nformat = \"json\"\n[sessions]\nconnect_timeout = \"1s\"\n\
                  [[targets]]\nname = \"it\"\nconnection = \"postgresql://me:hunter2@127.0.0.1:1/app?sslmode=disable\"\n";
    let exporter = Exporter::start(config).await;
    let failures = async || {
        let metrics = exporter.metrics().await;
        metrics.select("pgwarden_collector_failures_total", &[]).map(|sample| sample.value).sum::<f64>()
    };
    wait_until("it has failed many times", PATIENCE, async || failures().await > 8.0).await;
    let log = exporter.log();
    assert_eq!(log.matches("unreachable").count(), 1, "{log}");
    assert!(log.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()), "{log}");
    let page = exporter.get("/", &[]).await;
    assert!(page.text().contains("127.0.0.1:1"), "the page says what is unreachable");
    let metrics = exporter.get("/metrics", &[]).await;
    for text in [log.as_str(), page.text(), metrics.text()] {
        assert!(!text.contains("hunter2"), "{text}");
    }
}

#[tokio::test]
async fn first_seen_times_survive_a_restart_and_a_broken_state_folder_stops_nothing() {
    let database = Cluster::shared(NEWEST).database().await;
    let session = database.session().await;
    session.execute("CREATE TABLE alembic_version (version_num text); INSERT INTO alembic_version VALUES ('a1')").await;
    session.execute("GRANT SELECT ON alembic_version TO PUBLIC").await;
    let folder = tempfile::tempdir().unwrap();
    let config = format!("state_dir = {:?}\n{}", folder.path(), target("it", &database));
    let since = async |exporter: &Exporter| {
        exporter.metrics().await.value("pgwarden_alembic_revision_first_seen_timestamp_seconds", &[])
    };
    let exporter = Exporter::start(&config).await;
    let first = since(&exporter).await.unwrap();
    exporter.stop().await;
    let exporter = Exporter::start(&config).await;
    assert_eq!(since(&exporter).await.map(f64::to_bits), Some(first.to_bits()));
    exporter.stop().await;

    std::fs::write(folder.path().join("first-seen.json"), "no JSON").unwrap();
    let exporter = Exporter::start(&config).await;
    assert!(since(&exporter).await.unwrap() > first);
    assert_eq!(exporter.metrics().await.value("pgwarden_state_errors_total", &[]), Some(1.0));
    assert!(exporter.log().contains("first-seen.json"));
    exporter.stop().await;

    drop(folder);
    let exporter = Exporter::start(&config).await;
    assert!(exporter.metrics().await.value("pgwarden_state_errors_total", &[]) >= Some(1.0));
    assert!(exporter.log().contains("check that the folder exists"));
}
