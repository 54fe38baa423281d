//! What the example for Alertmanager silences, asked of a real one.

use std::fs;

use serde_json::{Value, json};

use super::rules::folder;
use super::run;
use crate::support::{Alertmanager, PATIENCE, wait_for};

/// Sends alerts to an Alertmanager with the example; which of them are not silenced, by name, severity and database.
async fn left_of(alerts: &[Value]) -> Vec<String> {
    let body: Vec<_> = alerts.iter().map(|labels| json!({ "labels": labels })).collect();
    let manager = Alertmanager::start(&fs::read_to_string(folder("alerts/alertmanager.yaml")).unwrap()).await;
    let request = reqwest::Client::new().post(format!("http://{}/api/v2/alerts", manager.address));
    let answer =
        request.header("content-type", "application/json").body(Value::from(body).to_string()).send().await.unwrap();
    assert!(answer.status().is_success(), "{}", answer.status());
    let received = wait_for("Alertmanager has all alerts", PATIENCE, async || {
        let received = manager.alerts().await;
        let judged = received.iter().all(|alert| alert["status"]["state"] != "unprocessed");
        (judged && received.len() == alerts.len()).then_some(received)
    })
    .await;
    let active = received.iter().filter(|alert| alert["status"]["state"] == "active");
    let mut left: Vec<_> = active.map(|alert| name(&alert["labels"])).collect();
    left.sort();
    left
}

/// `MigrationStuck critical main/app`.
fn name(labels: &Value) -> String {
    let text = |label: &str| labels[label].as_str().unwrap_or_default().to_owned();
    let place = format!("{}/{}", text("target"), text("datname"));
    let name = text("alertname").trim_start_matches("Pgwarden").to_owned();
    [name, text("severity"), place].join(" ")
}

/// An alert of an exporter's target and, unless it is empty, its database; with more labels.
fn alert(name: &str, severity: &str, target: &str, datname: &str, more: &Value) -> Value {
    let mut labels = json!({
        "alertname": format!("Pgwarden{name}"), "severity": severity, "job": "pgwarden", "instance": "one:19187",
        "target": target, "datname": datname,
    });
    let more = more.as_object().unwrap().clone();
    let labels_of = labels.as_object_mut().unwrap();
    labels_of.extend(more);
    labels_of.retain(|_, value| value != "");
    labels
}

#[tokio::test]
async fn amtool_finds_nothing_in_the_example() {
    run("amtool", &["check-config"], &[folder("alerts/alertmanager.yaml")]).await;
}

#[tokio::test]
async fn a_stuck_migration_silences_its_own_symptoms_and_nobody_elses() {
    let none = &json!({});
    let of_it = &json!({"pid": "812", "kind": "lock_wait", "schemaname": "public", "relname": "orders"});
    let of_table = &json!({"application": "shop", "schemaname": "public", "relname": "alembic_version"});
    let left = left_of(&[
        alert("MigrationStuck", "critical", "main", "app", of_it),
        alert("MigrationStuck", "warning", "main", "app", of_it),
        alert("LockQueueGrowing", "critical", "main", "app", none),
        alert("LongTransaction", "warning", "main", "app", &json!({"usename": "report"})),
        alert("IdleInTransaction", "warning", "main", "app", &json!({"usename": "report"})),
        alert("RevisionBehind", "warning", "main", "app", of_table),
        alert("RevisionBehind", "warning", "main", "billing", of_table),
        alert("LockQueueGrowing", "critical", "other", "app", none),
        alert("StatisticsStale", "warning", "main", "app", none),
    ])
    .await;
    assert_eq!(
        left,
        [
            "LockQueueGrowing critical other/app",
            "MigrationStuck critical main/app",
            "RevisionBehind warning main/billing",
            "StatisticsStale warning main/app",
        ]
    );
}

#[tokio::test]
async fn a_migration_that_nobody_waits_behind_explains_no_queue() {
    let of_it = &json!({"pid": "812", "kind": "concurrent_index_wait", "schemaname": "public", "relname": "orders"});
    let left = left_of(&[
        alert("MigrationStuck", "warning", "main", "app", of_it),
        alert("LockQueueGrowing", "critical", "main", "app", &json!({})),
    ])
    .await;
    assert_eq!(left, ["LockQueueGrowing critical main/app", "MigrationStuck warning main/app"]);
}

#[tokio::test]
async fn an_open_migration_silences_those_that_wait_for_its_table() {
    let open = &json!({"pid": "7", "kind": "abandoned", "schemaname": "public", "relname": "orders"});
    let waits = &json!({"pid": "812", "kind": "lock_wait", "schemaname": "public", "relname": "orders"});
    let elsewhere = &json!({"pid": "813", "kind": "lock_wait", "schemaname": "public", "relname": "users"});
    let left = left_of(&[
        alert("MigrationAbandoned", "critical", "main", "app", open),
        alert("MigrationAbandoned", "warning", "main", "app", open),
        alert("MigrationStuck", "critical", "main", "app", waits),
        alert("MigrationStuck", "warning", "main", "app", elsewhere),
    ])
    .await;
    assert_eq!(left, ["MigrationAbandoned critical main/app", "MigrationStuck warning main/app"]);
}

#[tokio::test]
async fn a_server_that_is_down_silences_what_was_known_of_it() {
    let none = &json!({});
    let left = left_of(&[
        alert("TargetDown", "critical", "main", "", none),
        alert("DatabaseDown", "critical", "main", "app", none),
        alert("CollectorFailing", "warning", "main", "app", &json!({"collector": "alembic"})),
        alert("MigrationStuck", "critical", "main", "app", &json!({"pid": "812"})),
        alert("DatabaseDown", "critical", "other", "app", none),
        alert("CollectorFailing", "warning", "other", "app", &json!({"collector": "alembic"})),
        alert("CollectorFailing", "warning", "other", "", &json!({"collector": "locks"})),
    ])
    .await;
    assert_eq!(
        left,
        ["CollectorFailing warning other/", "DatabaseDown critical other/app", "TargetDown critical main/"]
    );
}

#[tokio::test]
async fn an_exporter_that_is_down_silences_all_that_it_told_and_no_other() {
    let none = &json!({});
    let left = left_of(&[
        alert("ExporterDown", "critical", "", "", none),
        alert("TargetDown", "critical", "main", "", none),
        alert("SeveralHeads", "warning", "", "", &json!({"application": "shop"})),
        alert("TargetDown", "critical", "main", "elsewhere", &json!({"instance": "two:19187"})),
    ])
    .await;
    assert_eq!(left, ["ExporterDown critical /", "TargetDown critical main/elsewhere"]);
}

#[tokio::test]
async fn the_worse_of_two_severities_is_the_one_that_is_told() {
    let none = &json!({});
    let left = left_of(&[
        alert("ConnectionsNearLimit", "critical", "main", "", none),
        alert("ConnectionsNearLimit", "warning", "main", "", none),
        alert("ConnectionsNearLimit", "warning", "main", "app", none),
        alert("TransactionIdsRunningOut", "warning", "main", "app", none),
    ])
    .await;
    assert_eq!(
        left,
        [
            "ConnectionsNearLimit critical main/",
            "ConnectionsNearLimit warning main/app",
            "TransactionIdsRunningOut warning main/app",
        ]
    );
}
