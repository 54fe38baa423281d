//! The sources of expected revisions in the running exporter, and in the commands that look once.

use std::fs;

use crate::alembic_metrics::application;
use crate::support::{Cluster, Database, Exporter, Major, PATIENCE, Pgwarden, Project, Role, wait_until};

/// A target with one database, the collector `alembic` alone and often, and applications.
fn config(database: &Database, applications: &str) -> String {
    let off = ["activity", "column_statistics", "database", "debris", "locks", "migrations", "privileges"];
    let off = off.iter().chain(&["table_activity", "table_sizes"]);
    let off: Vec<_> = off.map(|name| format!("[collectors.{name}]\nenabled = false\n")).collect();
    let off = off.concat();
    format!(
        "{off}[collectors.alembic]\ninterval = '1s'\n[alembic]\nrefresh = '1s'\n{applications}\n\
         [[targets]]\nname = 'main'\nconnection = '{}'\ndatabases = ['{}']\n",
        database.url(Role::Superuser),
        database.name
    )
}

fn source(metric: &str) -> String {
    format!("pgwarden_alembic_source_{metric}")
}

const SHOP: [(&str, &str); 1] = [("application", "shop")];

#[tokio::test]
async fn a_source_that_goes_and_comes_back_is_followed_without_a_restart() {
    let database = Cluster::shared(Major(18)).database().await;
    let project = Project::chain(&database);
    project.alembic(&["upgrade", "heads"]);
    let exporter = Exporter::start(&config(&database, &application("shop", &project, ""))).await;
    let value = async |metric: &str| exporter.metrics().await.value(&source(metric), &SHOP);
    assert_eq!(value("readable").await, Some(1.0));
    assert_eq!((value("revisions").await, value("effective_heads").await), (Some(3.0), Some(1.0)));
    assert_eq!((value("heads").await, value("expected_heads").await), (Some(1.0), Some(1.0)));
    assert!(value("modified_timestamp_seconds").await > Some(0.0));
    let read = value("last_read_timestamp_seconds").await;
    let state = |state: &'static str| [("application", "shop"), ("state", state)];
    let is = async |wanted: &'static str| {
        let metrics = exporter.metrics().await;
        metrics.value("pgwarden_alembic_tables", &state(wanted)) == Some(1.0)
    };
    wait_until("the table is up to date", PATIENCE, async || is("up_to_date").await).await;
    wait_until("it is looked at again", PATIENCE, async || value("last_read_timestamp_seconds").await > read).await;

    let (versions, aside) = (project.path().join("versions"), project.path().join("aside"));
    fs::rename(&versions, &aside).expect("a folder can be moved");
    wait_until("the source is gone", PATIENCE, async || value("readable").await == Some(0.0)).await;
    assert_eq!(value("revisions").await, Some(3.0), "the last known revisions stay");
    assert!(is("up_to_date").await);
    let page = exporter.get("/", &[]).await;
    assert!(page.text().contains("no folder `versions`"), "{}", page.text());
    assert_eq!(exporter.log().matches("cannot be read").count(), 1, "{}", exporter.log());

    // What is known survives a reload.
    exporter.configure(&config(&database, &application("shop", &project, "tables = ['alembic_version']")));
    assert_eq!(exporter.request(reqwest::Method::POST, "/-/reload", &[]).await.status, 200);
    assert_eq!(value("revisions").await, Some(3.0));

    fs::remove_file(aside.join("cccc.py")).expect("the file is there");
    fs::rename(&aside, &versions).expect("a folder can be moved");
    wait_until("the source is back", PATIENCE, async || value("readable").await == Some(1.0)).await;
    wait_until("the row is unknown", PATIENCE, async || is("unknown").await).await;
    assert!(!exporter.get("/", &[]).await.text().contains("no folder `versions`"));
}

#[tokio::test]
async fn what_is_wrong_with_the_revisions_is_counted() {
    let database = Cluster::shared(Major(18)).database().await;
    let revisions = [("aaaa", "None", ""), ("bbbb", "'aaaa'", ""), ("cccc", "'aaaa'", ""), ("dddd", "'zzzz'", "")];
    let project = Project::new(&database, &revisions);
    project.write("versions/eeee.py", "revision = f()\n");
    let exporter = Exporter::start(&config(&database, &application("shop", &project, "heads = 2"))).await;
    let metrics = exporter.metrics().await;
    let finding = |kind| metrics.value(&source("findings"), &[SHOP[0], ("kind", kind)]);
    assert_eq!((finding("missing_parent"), finding("cycle")), (Some(1.0), Some(0.0)));
    assert_eq!(metrics.value(&source("unparsable_files"), &SHOP), Some(1.0));
    assert_eq!(metrics.value(&source("expected_heads"), &SHOP), Some(2.0));
    assert!(exporter.get("/", &[]).await.text().contains("eeee.py"), "the page says why nothing can be judged");
}

#[tokio::test]
async fn one_round_judges_as_well() {
    let database = Cluster::shared(Major(18)).database().await;
    let project = Project::chain(&database);
    project.alembic(&["upgrade", "bbbb"]);
    project.write("pgwarden.toml", &config(&database, &application("shop", &project, "")));
    let file = project.path().join("pgwarden.toml").display().to_string();
    let output = Pgwarden::new(["collect", "--config", &file]).run().await;
    let pending = "schemaname=\"public\",relname=\"alembic_version\",application=\"shop\"} 1\n";
    assert!(output.stdout.contains(pending) && output.stdout.contains("alembic_source_readable{"), "{output:?}");
}

#[tokio::test]
async fn a_check_says_whether_the_revisions_can_be_read() {
    let database = Cluster::shared(Major(18)).database().await;
    let project = Project::chain(&database);
    let check = async |more: &str| {
        project.write("pgwarden.toml", &config(&database, &application("shop", &project, more)));
        let file = project.path().join("pgwarden.toml").display().to_string();
        let output = Pgwarden::new(["check", "--config", &file, "--format", "json"]).run().await;
        (output.code, output.json()["applications"][0].clone())
    };
    let (code, shop) = check("").await;
    assert_eq!((code, &shop["success"], &shop["revisions"]), (0, &true.into(), &3.into()));
    assert_eq!(shop["effective_heads"], serde_json::json!(["cccc"]));
    project.write("versions/dddd.py", "revision = 'dddd'\ndown_revision = 'bbbb'\n");
    assert_eq!(check("").await.0, 1, "one more head than is meant");
    assert_eq!(check("heads = 2").await.0, 0);
    project.write("versions/dddd.py", "revision = 'dddd'\ndown_revision = 'zzzz'\n");
    let (code, shop) = check("").await;
    assert_eq!((code, &shop["success"]), (2, &false.into()));
    fs::remove_dir_all(project.path().join("versions")).expect("a folder can be removed");
    let (code, shop) = check("").await;
    assert_eq!((code, &shop["success"], &shop["revisions"]), (2, &false.into(), &serde_json::Value::Null));
    assert!(shop["error"].as_str().expect("a reason").contains("no folder `versions`"), "{shop}");
}
