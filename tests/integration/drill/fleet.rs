//! What is watched: servers of several versions, and exporters on them that look every second or two.

use std::path::Path;

use tempfile::TempDir;
use tokio::sync::Mutex;

use super::faults::revisions;
use crate::support::{Cluster, Exporter, Major, Role, Session};

/// The databases of the main server, each for one fault.
const DATABASES: [&str; 18] = [
    "lock_wait",
    "abandoned",
    "concurrent_index_wait",
    "version_table_conflict",
    "prepared_transaction",
    "no_progress",
    "lock_queue",
    "long_transaction",
    "idle_in_transaction",
    "forgotten",
    "unvalidated",
    "growing",
    "not_analyzed",
    "crowded",
    "closed",
    "blind",
    "wide",
    "hidden",
];

/// Servers and exporters, all gone when it is dropped.
pub struct Fleet {
    /// Where the migrations are: target "main".
    pub main: Cluster,
    /// A primary: target "billing".
    pub billing: Cluster,
    /// Its standby: target "replica".
    pub replica: Cluster,
    /// An old server that runs out of everything: target "archive".
    pub archive: Cluster,
    /// A server that the lesser exporters watch: targets "guest" and "spare".
    pub quiet: Cluster,
    /// The exporter of the first four.
    pub exporter: Exporter,
    /// An exporter with a role that may do nothing, target "guest", and one on the same server, target "spare".
    pub spare: Exporter,
    /// The folder of the applications' revisions.
    pub revisions: TempDir,
    /// The state folder of the spare exporter.
    pub state: TempDir,
    /// An exporter that dies.
    pub doomed: Mutex<Exporter>,
}

/// A server's target in a configuration.
pub fn target(name: &str, cluster: &Cluster, role: Role, databases: &[&str]) -> String {
    let url = cluster.url(role, "postgres");
    let databases = if databases.is_empty() { String::new() } else { format!("databases = {databases:?}\n") };
    format!("[[targets]]\nname = \"{name}\"\nconnection = \"{url}\"\nmax_connections = 30\n{databases}")
}

/// The parts of a configuration that make an exporter quick; how often statistics of columns are read differs.
pub fn quick(column_statistics: &str) -> String {
    let every = |interval: &str, names: &[&str]| -> String {
        let sections: Vec<_> =
            names.iter().map(|name| format!("[collectors.{name}]\ninterval = \"{interval}\"\n")).collect();
        sections.concat()
    };
    [
        "stale_after = 10\n[sessions]\nmax_connections = 100\n[migrations]\nstuck_after = \"3s\"\n",
        &every("2s", &["server", "database", "activity", "locks", "debris", "alembic"]),
        // Going round two dozen databases takes its time on a busy machine.
        &every("4s", &["migrations", "privileges", "table_sizes", "table_activity"]),
        &every(column_statistics, &["column_statistics"]),
    ]
    .concat()
}

/// The spare exporter's configuration.
pub fn spare(quiet: &Cluster, state: &Path, column_statistics: &str) -> String {
    let guest = target("guest", quiet, Role::Nobody, &["guest", "sealed"]);
    let spare = target("spare", quiet, Role::Monitor, &["guest"]);
    format!("state_dir = \"{}\"\n{}{guest}{spare}", state.display(), quick(column_statistics))
}

impl Fleet {
    /// Starts all of it.
    pub async fn start() -> Self {
        let (main, billing, archive, quiet) = std::thread::scope(|scope| {
            let main = scope.spawn(|| Cluster::own(Major(18), &[("max_connections", "400")]));
            let billing = scope.spawn(|| Cluster::own(Major(15), &[]));
            let aged =
                [("autovacuum_naptime", "1s"), ("autovacuum_freeze_max_age", "100000"), ("max_connections", "60")];
            let archive = scope.spawn(move || Cluster::own(Major(13), &aged));
            let quiet = scope.spawn(|| Cluster::own(Major(14), &[]));
            (main.join().unwrap(), billing.join().unwrap(), archive.join().unwrap(), quiet.join().unwrap())
        });
        let replica = billing.standby(&[("max_standby_streaming_delay", "-1")]);
        create(&main, &DATABASES).await;
        create(&main, &revisions::APPLICATIONS).await;
        for datname in DATABASES {
            let session = Session::connect(main.connection(Role::Superuser, datname)).await;
            session.execute("CREATE TABLE users AS SELECT generate_series(1, 1000) AS id").await;
        }
        revisions::create(&main).await;
        revisions::migrate(&main, "version_table_conflict").await;
        let revisions = tempfile::tempdir().unwrap();
        revisions::write_all(revisions.path());
        create(&quiet, &["guest", "sealed"]).await;
        let fleet = [
            quick("4s"),
            "[alembic]\nrefresh = \"1s\"\n".to_owned(),
            revisions::configuration(revisions.path()),
            target("main", &main, Role::Monitor, &[&DATABASES[..], &revisions::APPLICATIONS].concat()),
            target("billing", &billing, Role::Monitor, &["postgres"]),
            target("replica", &replica, Role::Monitor, &["postgres"]),
            target("archive", &archive, Role::Monitor, &["postgres"]),
        ];
        let exporter = Exporter::start(&fleet.concat()).await;
        let state = tempfile::tempdir().unwrap();
        let spare = Exporter::start(&spare(&quiet, state.path(), "1h")).await;
        let doomed = format!(
            "[collectors.activity]\nenabled = false\n[collectors.locks]\nenabled = false\n[collectors.migrations]\nenabled = false\n{}",
            target("doomed", &quiet, Role::Monitor, &["postgres"])
        );
        let doomed = Mutex::new(Exporter::start(&doomed).await);
        Self { main, billing, replica, archive, quiet, exporter, spare, revisions, state, doomed }
    }

    /// A superuser's session on a database of the main server.
    pub async fn session(&self, datname: &str) -> Session {
        Session::connect(self.main.connection(Role::Superuser, datname)).await
    }
}

async fn create(cluster: &Cluster, databases: &[&str]) {
    let session = cluster.session().await;
    for name in databases {
        session.execute(&format!("CREATE DATABASE {name}")).await;
    }
}

/// Cancels what a session runs.
pub async fn cancel(cluster: &Cluster, pid: i32) {
    assert!(cluster.session().await.holds(&format!("SELECT pg_cancel_backend({pid})")).await);
}
