//! The support module itself: a test that rests on it must be able to trust it.

use std::process::Command;
use std::time::Duration;

use crate::support::{
    Cluster, Exporter, Exposition, Major, PATIENCE, Pgwarden, Proxy, Role, Session, Weather, on_every_major, on_majors,
    wait_until,
};

const NEWEST: Major = Major(18);

on_every_major! {
    async fn a_shared_server_has_the_version_asked_for(major: Major) {
        let database = Cluster::shared(major).database().await;
        let session = database.session().await;
        let version = session.query_text("SHOW server_version").await.unwrap();
        assert!(version.starts_with(&format!("{major}.")), "{version}");
        assert_eq!(session.query_text("SELECT current_database()").await.as_ref(), Some(&database.name));
        session.execute("CREATE EXTENSION pg_stat_statements").await;
    }
}

on_majors! {
    [pg13 = 13, pg18 = 18]

    async fn roles_have_the_privileges_that_their_names_promise(major: Major) {
        let database = Cluster::shared(major).database().await;
        let privileges = "SELECT rolsuper || ',' || pg_has_role('pg_monitor', 'member') FROM pg_roles WHERE rolname = current_user";
        for (role, expected) in [(Role::Superuser, "true,true"), (Role::Monitor, "false,true"), (Role::Nobody, "false,false")] {
            let session = database.session_as(role).await;
            assert_eq!(session.query_text(privileges).await.unwrap(), expected, "{role:?}");
        }
    }

    async fn a_database_is_dropped_with_its_sessions_and_prepared_transactions(major: Major) {
        let cluster = Cluster::shared(major);
        let database = cluster.database().await;
        let gone = format!("SELECT count(*) = 0 FROM pg_database WHERE datname = '{}'", database.name);
        let session = database.session().await;
        session.execute("CREATE TABLE t (); BEGIN; DROP TABLE t; PREPARE TRANSACTION 'it''s'").await;
        drop(database);
        assert!(cluster.session().await.holds(&gone).await);
    }

    async fn a_statement_in_the_background_is_seen_waiting_and_goes_on(major: Major) {
        let database = Cluster::shared(major).database().await;
        let holder = database.session().await;
        holder.execute("CREATE TABLE t ()").await;
        holder.execute("BEGIN; LOCK TABLE t").await;
        let waiter = database.session().await.start_waiting("SELECT FROM t").await;
        let blockers = format!("SELECT pg_blocking_pids({}) = ARRAY[{}]", waiter.pid, holder.pid);
        assert!(holder.holds(&blockers).await);
        holder.execute("COMMIT").await;
        waiter.finish().await.1.unwrap();
    }

    async fn a_killed_server_comes_back_on_its_port(major: Major) {
        let cluster = Cluster::own(major, &[("max_connections", "7")]);
        let session = cluster.session().await;
        cluster.kill();
        wait_until("the session is lost", PATIENCE, async || session.batch_execute("SELECT 1").await.is_err()).await;
        cluster.start();
        assert_eq!(cluster.session().await.query_text("SHOW max_connections").await.unwrap(), "7");
    }

    async fn a_standby_replays_what_the_primary_writes(major: Major) {
        let primary = Cluster::own(major, &[]);
        let standby = primary.standby(&[]);
        primary.session().await.execute("CREATE TABLE t ()").await;
        let replayed = "SELECT pg_is_in_recovery() AND to_regclass('t') IS NOT NULL";
        standby.session().await.wait_until_holds(replayed, PATIENCE).await;
    }
}

#[test]
fn an_own_server_leaves_nothing_behind() {
    let cluster = Cluster::own(NEWEST, &[]);
    let folder = cluster.socket_folder().to_owned();
    assert!(processes_that_mention(folder.to_str().unwrap()) > 0);
    drop(cluster);
    assert!(!folder.exists());
    assert_eq!(processes_that_mention(folder.to_str().unwrap()), 0);
}

fn processes_that_mention(text: &str) -> usize {
    let output = Command::new("ps").args(["-eo", "args"]).output().unwrap();
    String::from_utf8_lossy(&output.stdout).lines().filter(|line| line.contains(text)).count()
}

#[tokio::test]
async fn the_proxy_passes_cuts_swallows_and_delays() {
    let cluster = Cluster::shared(NEWEST);
    let proxy = Proxy::to(cluster.port).await;
    let mut connection = cluster.connection(Role::Superuser, "postgres");
    connection = connection_through(&connection, &proxy);
    let second = Duration::from_secs(1);

    let session = Session::connect(connection.clone()).await;
    proxy.set(Weather::Slow(Duration::from_millis(100)));
    let start = std::time::Instant::now();
    session.execute("SELECT 1").await;
    assert!(start.elapsed() >= Duration::from_millis(200));

    proxy.set(Weather::Cut);
    wait_until("the session is lost", PATIENCE, async || session.is_closed()).await;
    assert!(Session::try_connect(connection.clone()).await.is_err());

    proxy.set(Weather::Fine);
    let session = Session::connect(connection.clone()).await;
    proxy.set(Weather::BlackHole);
    assert!(tokio::time::timeout(second, session.batch_execute("SELECT 1")).await.is_err());
    assert!(!session.is_closed());
    assert!(tokio::time::timeout(second, Session::try_connect(connection.clone())).await.is_err());

    proxy.set(Weather::Fine);
    Session::connect(connection).await;
}

fn connection_through(connection: &tokio_postgres::Config, proxy: &Proxy) -> tokio_postgres::Config {
    let mut through = tokio_postgres::Config::new();
    through.host("127.0.0.1").port(proxy.port);
    through.user(connection.get_user().unwrap()).dbname(connection.get_dbname().unwrap());
    through
}

#[tokio::test]
async fn the_binary_is_run_with_its_exit_code_and_both_outputs() {
    let help = Pgwarden::new(["--help"]).run().await;
    assert_eq!((help.code, help.stderr.as_str()), (0, ""));
    assert!(help.stdout.contains("Usage: pgwarden"));
    let mistake = Pgwarden::new(["--no-such-option"]).run().await;
    assert_eq!((mistake.code, mistake.stdout.as_str()), (2, ""));
}

#[tokio::test]
async fn an_exporter_is_ready_answers_and_stops() {
    let database = Cluster::shared(NEWEST).database().await;
    let target = format!("[[targets]]\nname = \"it\"\nconnection = \"{}\"\n", database.url(Role::Monitor));
    let exporter = Exporter::start(&target).await;
    assert_eq!(exporter.metrics().await.value("pgwarden_up", &[("target", "it")]), Some(1.0));
    let (status, _) = exporter.stop().await;
    assert!(status.success(), "{status}");
}

#[test]
fn the_text_format_is_read_with_its_escapes() {
    let exposition = Exposition::parse(concat!(
        "# HELP a_total Counts a\\nthing.\n# TYPE a_total counter\n",
        "a_total{x=\"q\\\"b\\\\n\\n},\",y=\"\"} 1.5e3\n",
        "plain NaN\n",
    ));
    assert_eq!(exposition.types["a_total"], "counter");
    assert_eq!(exposition.helps["a_total"], "Counts a\\nthing.");
    assert_eq!(exposition.value("a_total", &[("x", "q\"b\\n\n},"), ("y", "")]), Some(1500.0));
    assert_eq!(exposition.value("a_total", &[("x", "else")]), None);
    assert!(exposition.value("plain", &[]).unwrap().is_nan());
}
