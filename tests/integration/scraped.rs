//! Prometheus itself accepts what is served.

use std::process::Stdio;

use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::support::{Cluster, Exporter, Major, PATIENCE, Prometheus, Release, Role, wait_until};

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
    for release in Release::ALL {
        let mut promtool = Command::new(release.program("promtool"));
        promtool.args(["check", "metrics"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut promtool = promtool.spawn().unwrap();
        promtool.stdin.take().unwrap().write_all(&metrics.body).await.unwrap();
        let output = promtool.wait_with_output().await.unwrap();
        assert!(output.status.success(), "{release:?}: {}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{release:?}");
    }
}

#[tokio::test]
async fn every_prometheus_scrapes_every_format_without_a_warning() {
    let database = Cluster::shared(Major(18)).database().await;
    database.session().await.execute("CREATE TABLE \"we\"\"ird\\\n🦀\" (id int)").await;
    let exporter = exporter(&database.name).await;
    let address = exporter.url.trim_start_matches("http://");
    // 2.42 asks for OpenMetrics, and knows no setting for it.
    let only = |protocol: &str| format!("  scrape_protocols: [{protocol}]\n");
    for (release, protocols) in [
        (Release::Debian, String::new()),
        (Release::Newest, only("OpenMetricsText1.0.0")),
        (Release::Newest, only("PrometheusText0.0.4")),
    ] {
        let prometheus = Prometheus::start(
            release,
            &format!(
                "global: {{scrape_interval: 1s}}\nscrape_configs:\n- job_name: pgwarden\n{protocols}  \
                 static_configs: [{{targets: [\"{address}\"]}}]\n"
            ),
        )
        .await;
        let holds = async |expression: &str, value| prometheus.value(expression).await == Some(value);
        wait_until("the exporter is up", PATIENCE, async || holds("up", 1.0).await).await;
        let sized = "count(pgwarden_table_size_bytes)";
        wait_until("samples are there", PATIENCE, async || holds(sized, 1.0).await).await;
        assert_eq!(prometheus.value("pgwarden_up").await, Some(1.0));
        let log = prometheus.log().to_lowercase();
        assert!(!log.contains("level=warn") && !log.contains("level=error"), "{release:?} {protocols}: {log}");
    }
}
