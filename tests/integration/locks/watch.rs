//! `pgwarden locks --watch`.

use tokio::io::{AsyncBufReadExt, BufReader};

use crate::support::{Cluster, PATIENCE, Pgwarden, Role, on_majors};

on_majors! {
    [pg13 = 13, pg18 = 18]

    async fn it_outlives_a_restart_of_the_server_and_ends_with_its_reader(major: Major) {
        let cluster = Cluster::own(major, &[]);
        let url = cluster.url(Role::Superuser, "postgres");
        let mut watch = Pgwarden::new(["locks", "--watch", "100ms", "--format", "json", "--database", &url]).start();
        let mut lines = BufReader::new(watch.stdout.take().unwrap()).lines();
        let mut taken_at = async || {
            let line = tokio::time::timeout(PATIENCE, lines.next_line()).await.expect("it goes on").unwrap().unwrap();
            let report: serde_json::Value = serde_json::from_str(&line).unwrap();
            assert_eq!(report["version"], 1);
            report["taken_at"].as_f64().unwrap()
        };
        taken_at().await;
        cluster.stop();
        let stopped_at = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs_f64();
        cluster.start();
        while taken_at().await < stopped_at {}
        drop(lines);
        let end = tokio::time::timeout(PATIENCE, watch.wait()).await.expect("it ends").unwrap();
        assert_eq!(end.code(), Some(0));
    }
}
