//! Prometheus itself accepts what is served.

use std::process::Stdio;

use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::support::{Cluster, Exporter, Major, PATIENCE, Role, free_port, wait_until};

async fn exporter(database: &str) -> Exporter {
    let cluster = Cluster::shared(Major(18));
    let url = cluster.url(Role::Superuser, database);
    Exporter::start(&format!("[[targets]]\nname = \"it\"\nconnection = \"{url}\"\ndatabases = [\"{database}\"]\n"))
        .await
}

#[tokio::test]
async fn promtool_finds_nothing_to_complain_about() {
    let database = Cluster::shared(Major(18)).database().await;
    let exporter = exporter(&database.name).await;
    let metrics = exporter.get("/metrics", &[]).await;
    let mut promtool = Command::new("promtool");
    promtool.args(["check", "metrics"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut promtool = promtool.spawn().unwrap();
    promtool.stdin.take().unwrap().write_all(&metrics.body).await.unwrap();
    let output = promtool.wait_with_output().await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[tokio::test]
async fn prometheus_scrapes_it_without_a_warning() {
    let database = Cluster::shared(Major(18)).database().await;
    database.session().await.execute("CREATE TABLE \"we\"\"ird\\\n🦀\" (id int)").await;
    let exporter = exporter(&database.name).await;
    let folder = tempfile::tempdir().unwrap();
    let address = exporter.url.trim_start_matches("http://");
    let config = format!(
        "global: {{scrape_interval: 1s}}\nscrape_configs:\n- job_name: pgwarden\n  static_configs: [{{targets: [\"{address}\"]}}]\n"
    );
    std::fs::write(folder.path().join("prometheus.yml"), config).unwrap();
    let port = free_port();
    let log = std::fs::File::create(folder.path().join("log")).unwrap();
    let mut prometheus = Command::new("prometheus");
    prometheus.current_dir(folder.path()).args([
        "--config.file=prometheus.yml",
        "--storage.tsdb.path=data",
        &format!("--web.listen-address=127.0.0.1:{port}"),
    ]);
    let _prometheus = prometheus.kill_on_drop(true).stdout(Stdio::null()).stderr(log).spawn().unwrap();
    let count = async |query: &str| {
        let url = format!("http://127.0.0.1:{port}/api/v1/query");
        let form = url + "?query=" + query;
        let answer = reqwest::get(form).await.ok()?.bytes().await.ok()?;
        let answer: serde_json::Value = serde_json::from_slice(&answer).ok()?;
        answer["data"]["result"][0]["value"][1].as_str()?.parse::<f64>().ok()
    };
    wait_until("the exporter is up", PATIENCE, async || count("up").await == Some(1.0)).await;
    wait_until("samples are there", PATIENCE, async || count("count(pgwarden_table_size_bytes)").await == Some(1.0))
        .await;
    assert_eq!(count("pgwarden_up").await, Some(1.0));
    let log = std::fs::read_to_string(folder.path().join("log")).unwrap();
    assert!(!log.contains("level=warn") && !log.contains("level=error"), "{log}");
}
