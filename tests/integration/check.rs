//! `pgwarden check`: what works, what does not, and what mends it.

use std::time::{Duration, Instant};

use crate::support::{Cluster, Pgwarden, Proxy, Role, Weather, on_majors};

fn url(port: u16, datname: &str) -> String {
    format!("host=127.0.0.1 port={port} user=monitor dbname={datname} sslmode=disable")
}

on_majors! {
    [pg13 = 13, pg18 = 18]

    async fn what_a_role_may_see_decides(major: Major) {
        let cluster = Cluster::shared(major);
        let database = cluster.database().await;
        database.session().await.execute("CREATE TABLE t (id int)").await;
        for (role, code) in [(Role::Superuser, 0), (Role::Monitor, 1), (Role::Nobody, 1)] {
            let output = Pgwarden::new(["check", "--database", &database.url(role)]).run().await;
            assert_eq!(output.code, code, "{role:?}: {output:?}");
            assert_eq!(output.stdout.contains("GRANT pg_monitor TO nobody;"), role == Role::Nobody, "{output:?}");
        }
        let nowhere = Pgwarden::new(["check", "--database", &url(cluster.port, "no_such_database")]).run().await;
        assert_eq!(nowhere.code, 2, "{nowhere:?}");
        assert!(nowhere.stdout.contains("correct the name in the configuration"), "{nowhere:?}");
    }
}

#[tokio::test]
async fn a_server_that_is_silent_is_not_asked_for_each_of_its_databases() {
    let proxy = Proxy::to(1).await;
    proxy.set(Weather::BlackHole);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.toml");
    let datnames: Vec<_> = (0..50).map(|number| format!("db{number}")).collect();
    let config = format!(
        "state_dir = \"/nowhere\"\n[sessions]\nconnect_timeout = \"500ms\"\n\
         [[targets]]\nname = \"it\"\nconnection = \"{}\"\ndatabases = {datnames:?}\n",
        url(proxy.port, "postgres")
    );
    std::fs::write(&file, config).unwrap();
    let start = Instant::now();
    let output = Pgwarden::new(["check", "--format", "json", "--config", file.to_str().unwrap()]).run().await;
    assert!(start.elapsed() < Duration::from_secs(10), "50 attempts would take 25 s: {:?}", start.elapsed());
    assert_eq!(output.code, 2, "{output:?}");
    let report = output.json();
    let target = &report["targets"][0];
    assert_eq!((&target["up"], target["databases"].as_array().unwrap().len()), (&false.into(), 50), "{report}");
    assert!(report["state_error"].as_str().unwrap().contains("/nowhere"), "{report}");
}
