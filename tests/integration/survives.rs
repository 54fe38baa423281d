//! What breaks underneath costs the scrape nothing, and is told; what is repaired is noticed without a restart.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::support::{Cluster, Exporter, PATIENCE, Proxy, Role, Session, Weather, on_majors, wait_until};

/// A machine that runs other tests at the same time is slow now and then; the median must keep the promise.
const PROMISED: Duration = Duration::from_millis(100);

fn config(url: &str) -> String {
    let schedules: String = ["server", "privileges", "alembic", "table_sizes", "table_activity", "activity", "locks"]
        .map(|name| format!("[collectors.{name}]\ninterval = \"1s\"\ntimeout = \"1s\"\n"))
        .concat();
    format!(
        "stale_after = 60\n[sessions]\nconnect_timeout = \"1s\"\n{schedules}\
         [[targets]]\nname = \"it\"\nconnection = \"{url}\"\n"
    )
}

/// Scrapes all the time; returns how long each scrape took.
struct Scraper {
    stop: Arc<AtomicBool>,
    task: tokio::task::JoinHandle<Vec<Duration>>,
}

impl Scraper {
    fn start(exporter: &Exporter) -> Self {
        let (stop, url) = (Arc::new(AtomicBool::new(false)), format!("{}/metrics", exporter.url));
        let stopped = Arc::clone(&stop);
        let task = tokio::spawn(async move {
            let (client, mut scrapes) = (reqwest::Client::new(), Vec::new());
            while !stopped.load(Ordering::Relaxed) {
                let start = Instant::now();
                let response = client.get(&url).send().await.unwrap();
                assert_eq!(response.status(), 200);
                response.bytes().await.unwrap();
                scrapes.push(start.elapsed());
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            scrapes
        });
        Self { stop, task }
    }

    /// Every scrape was answered with 200, and in the promised time.
    async fn finish(self) {
        self.stop.store(true, Ordering::Relaxed);
        let mut scrapes = self.task.await.unwrap();
        scrapes.sort_unstable();
        let median = scrapes[scrapes.len() / 2];
        assert!(median <= PROMISED, "the median of {} scrapes took {median:?}", scrapes.len());
    }
}

async fn up(exporter: &Exporter) -> Option<f64> {
    exporter.metrics().await.value("pgwarden_up", &[("target", "it")])
}

async fn until_up(exporter: &Exporter, value: f64) {
    let what = format!("pgwarden_up is {value}");
    wait_until(&what, PATIENCE, async || up(exporter).await == Some(value)).await;
}

async fn until_all_succeed(exporter: &Exporter) {
    wait_until("every collector succeeds", PATIENCE, async || {
        let metrics = exporter.metrics().await;
        let all = metrics.select("pgwarden_collector_success", &[]).all(|sample| sample.value > 0.0);
        all && metrics.select("pgwarden_collector_success", &[]).count() > 5
    })
    .await;
}

async fn shop(cluster: &Cluster) -> Session {
    let session = Session::connect(cluster.connection(Role::Superuser, "postgres")).await;
    session
        .execute(
            "CREATE TABLE alembic_version (version_num varchar(32)); INSERT INTO alembic_version VALUES ('a1');
             CREATE TABLE users AS SELECT g AS id FROM generate_series(1, 100) g",
        )
        .await;
    session
}

on_majors! {
    [pg13 = 13, pg18 = 18]

    async fn a_server_that_is_killed_and_started_again(major: Major) {
        let cluster = Cluster::own(major, &[]);
        drop(shop(&cluster).await);
        let exporter = Exporter::start(&config(&cluster.url(Role::Superuser, "postgres"))).await;
        let scraper = Scraper::start(&exporter);
        cluster.kill();
        until_up(&exporter, 0.0).await;
        let metrics = exporter.metrics().await;
        assert_eq!(metrics.value("pgwarden_alembic_revision_info", &[("revision", "a1")]), Some(1.0), "values stay");
        let server = [("collector", "server")];
        wait_until("the collector is told to fail", PATIENCE, async || {
            exporter.metrics().await.value("pgwarden_collector_success", &server) == Some(0.0)
        })
        .await;
        cluster.start();
        until_up(&exporter, 1.0).await;
        until_all_succeed(&exporter).await;
        scraper.finish().await;
    }

    async fn a_network_that_is_cut_swallowed_and_slow(major: Major) {
        let cluster = Cluster::own(major, &[]);
        let session = shop(&cluster).await;
        let proxy = Proxy::to(cluster.port).await;
        let url = cluster.url(Role::Superuser, "postgres").replace(&cluster.port.to_string(), &proxy.port.to_string());
        let exporter = Exporter::start(&config(&url)).await;
        let scraper = Scraper::start(&exporter);
        for weather in [Weather::Cut, Weather::BlackHole] {
            proxy.set(weather);
            until_up(&exporter, 0.0).await;
            proxy.set(Weather::Fine);
            until_up(&exporter, 1.0).await;
            until_all_succeed(&exporter).await;
        }
        proxy.set(Weather::Slow(Duration::from_millis(20)));
        until_all_succeed(&exporter).await;
        scraper.finish().await;
        let query = "SELECT count(*) = 0 FROM pg_stat_activity \
                     WHERE application_name = 'pgwarden' AND state = 'active' AND now() - query_start > '2s'";
        session.wait_until_holds(query, PATIENCE).await;
    }

    async fn others_that_keep_every_attempt_waiting(major: Major) {
        let cluster = Cluster::own(major, &[]);
        drop(shop(&cluster).await);
        let nowhere = Proxy::to(cluster.port).await;
        nowhere.set(Weather::BlackHole);
        let silent = cluster.url(Role::Superuser, "postgres").replace(&cluster.port.to_string(), &nowhere.port.to_string());
        // Fewer connections than silent servers, each of which would take three for a second at a time.
        let other = |number| {
            let databases = ["a", "b", "c"];
            format!("[[targets]]\nname = \"{number}\"\nconnection = \"{silent}\"\ndatabases = {databases:?}\n")
        };
        let others = [0, 1, 2, 3, 4, 5].map(other).concat();
        let config = config(&cluster.url(Role::Superuser, "postgres"));
        let config = config.replace("[sessions]\n", "[sessions]\nmax_connections = 4\n");
        let exporter = Exporter::start(&format!("{config}{others}")).await;
        wait_until("every collector of the one that answers succeeds", PATIENCE, async || {
            let metrics = exporter.metrics().await;
            let mut rounds = metrics.select("pgwarden_collector_success", &[("target", "it")]).peekable();
            rounds.peek().is_some() && rounds.all(|sample| sample.value > 0.0)
        })
        .await;
        assert_eq!(up(&exporter).await, Some(1.0));
        wait_until("every silent database is told down", PATIENCE, async || {
            let metrics = exporter.metrics().await;
            let down = metrics.select("pgwarden_database_up", &[]).filter(|sample| sample.value == 0.0).count();
            down == 6 * 3
        })
        .await;
    }

    async fn a_server_without_a_free_connection(major: Major) {
        let cluster = Cluster::own(major, &[("max_connections", "6"), ("superuser_reserved_connections", "1")]);
        let observer = shop(&cluster).await;
        let mut sessions = Vec::new();
        while let Ok(session) = Session::try_connect(cluster.connection(Role::Monitor, "postgres")).await {
            sessions.push(session);
        }
        let exporter = Exporter::launch(&config(&cluster.url(Role::Monitor, "postgres")));
        wait_until("the exporter listens", PATIENCE, async || exporter.log().contains("listening")).await;
        let scraper = Scraper::start(&exporter);
        until_up(&exporter, 0.0).await;
        drop(sessions);
        until_up(&exporter, 1.0).await;
        until_all_succeed(&exporter).await;
        scraper.finish().await;
        let ours = observer.query_text("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pgwarden'").await;
        assert!(ours.unwrap().parse::<u32>().unwrap() <= 3);
    }

    async fn a_database_that_is_dropped_while_it_is_watched(major: Major) {
        let cluster = Cluster::own(major, &[]);
        let session = shop(&cluster).await;
        session.execute("CREATE DATABASE doomed").await;
        let exporter = Exporter::start(&config(&cluster.url(Role::Superuser, "postgres"))).await;
        let known = async |datname| exporter.metrics().await.value("pgwarden_database_up", &[("datname", datname)]);
        wait_until("the database is seen", PATIENCE, async || known("doomed").await == Some(1.0)).await;
        // FORCE: a session of the exporter may be in it.
        session.execute("DROP DATABASE doomed WITH (FORCE)").await;
        wait_until("the database is told down or forgotten", PATIENCE, async || known("doomed").await != Some(1.0)).await;
        assert_eq!(known("postgres").await, Some(1.0));
        assert_eq!(up(&exporter).await, Some(1.0));
    }

    async fn names_of_every_kind_and_tables_that_come_and_go(major: Major) {
        let cluster = Cluster::own(major, &[]);
        let session = shop(&cluster).await;
        // 63 bytes with everything that a label must escape.
        let name = format!("q\"uo\\te\nl{}🦀", "x".repeat(63 - 13));
        assert_eq!(name.len(), 63);
        session.execute(&format!("CREATE TABLE \"{}\" (id int)", name.replace('"', "\"\""))).await;
        let exporter = Exporter::start(&config(&cluster.url(Role::Superuser, "postgres"))).await;
        let scraper = Scraper::start(&exporter);
        let sized = async |relname: &str| {
            let metrics = exporter.metrics().await;
            metrics.value("pgwarden_table_size_bytes", &[("relname", relname)]).is_some()
        };
        wait_until("the table is there", PATIENCE, async || sized(&name).await).await;
        // A transaction each, so that the table of locks holds them.
        let each = |statement: &str| {
            format!("DO $$ BEGIN FOR i IN 1..5000 LOOP EXECUTE format('{statement}', i); COMMIT; END LOOP; END $$")
        };
        session.execute(&each("CREATE TABLE many%s (id int PRIMARY KEY)")).await;
        let tables = async || exporter.metrics().await.value("pgwarden_tables", &[("datname", "postgres")]);
        wait_until("the new tables are counted", PATIENCE, async || tables().await >= Some(5003.0)).await;
        session.execute(&each("DROP TABLE many%s")).await;
        wait_until("the dropped tables are gone", PATIENCE, async || tables().await == Some(3.0)).await;
        until_all_succeed(&exporter).await;
        assert!(sized(&name).await);
        scraper.finish().await;
    }
}
