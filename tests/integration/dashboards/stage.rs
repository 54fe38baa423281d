//! A fleet of three servers: a shop with customers, a warehouse that pgwarden may hardly see into, and an archive.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tempfile::TempDir;
use tokio::process::Command;

use crate::support::{
    Background, Cluster, Exporter, Major, PATIENCE, Prometheus, Release, Role, Session, Watchdog, wait_until,
};

/// How often everything is collected and scraped.
const INTERVAL: Duration = Duration::from_secs(2);
const COLLECTORS: [&str; 11] = [
    "server",
    "database",
    "activity",
    "locks",
    "migrations",
    "debris",
    "privileges",
    "alembic",
    "table_sizes",
    "table_activity",
    "column_statistics",
];
/// The revision that deploy/demo/schema.sql is at.
const DEPLOYED: &str = "7c1e0b9d42fa";
/// The newest revision of every application.
const HEAD: &str = "b91d5e30c6a7";

/// The servers, who uses them, and who watches them.
pub struct Stage {
    /// Has scraped since the stage was set.
    pub prometheus: Prometheus,
    _exporter: Exporter,
    _users: Vec<Watchdog>,
    sessions: Vec<Session>,
    waiting: Vec<Background>,
    shop: Cluster,
    _warehouse: Cluster,
    archive: Cluster,
    _folder: TempDir,
}

impl Stage {
    /// All is well but for what is always wrong: little privileges in the warehouse, and what old migrations left.
    pub async fn set() -> Self {
        let shop = Cluster::own(Major(18), &[("deadlock_timeout", "200ms")]);
        let warehouse = Cluster::own(Major(15), &[]);
        let archive = Cluster::own(Major(16), &[]);
        build_shop(&shop).await;
        build_billing(&shop).await;
        build_warehouse(&warehouse).await;
        let folder = tempfile::tempdir().unwrap();
        let exporter = Exporter::start(&configuration(folder.path(), &shop, &warehouse, &archive)).await;
        let prometheus = Prometheus::start(Release::Debian, &scraping(&exporter)).await;
        wait_until("the exporter is scraped", PATIENCE, async || prometheus.value("sum(up)").await == Some(1.0)).await;
        Self {
            prometheus,
            _exporter: exporter,
            _users: customers(&shop),
            sessions: Vec::new(),
            waiting: Vec::new(),
            shop,
            _warehouse: warehouse,
            archive,
            _folder: folder,
        }
    }

    /// A second shop is upgraded without trouble. In the first a report stays open in the way of a migration, behind
    /// which the customers queue; one more was abandoned, an index is being built, a prepared transaction was forgotten,
    /// and the archive is down.
    pub async fn trouble(mut self) -> Self {
        let upgrade = session(&self.shop, "outlet", "alembic").await;
        upgrade.execute(&format!("UPDATE alembic_version SET version_num = '{HEAD}'")).await;
        let report = session(&self.shop, "shop", "reporting").await;
        report.execute("BEGIN; SELECT count(*) FROM orders").await;
        let migration = session(&self.shop, "shop", "alembic").await;
        self.waiting.push(migration.start_waiting("ALTER TABLE orders ADD COLUMN channel text").await);
        for _ in 0..5 {
            let customer = session(&self.shop, "shop", "shop-web").await;
            self.waiting.push(customer.start_waiting("SELECT count(*) FROM orders").await);
        }
        let abandoned = session(&self.shop, "billing", "alembic").await;
        abandoned.execute("BEGIN; ALTER TABLE invoices ADD COLUMN due_on date").await;
        let clerk = session(&self.shop, "billing", "billing-web").await;
        self.waiting.push(clerk.start_waiting("SELECT count(*) FROM invoices").await);
        let builder = session(&self.shop, "billing", "alembic").await;
        self.waiting.push(builder.start("CREATE INDEX ix_events_slow ON events (slow(id))"));
        let transfer = session(&self.shop, "billing", "billing-bank").await;
        transfer.execute("BEGIN; UPDATE accounts SET amount = 0 WHERE id = 3; PREPARE TRANSACTION 'transfer 17'").await;
        deadlock(&self.shop).await;
        self.sessions.extend([report, abandoned, transfer]);
        self.archive.stop();
        self
    }
}

/// A session of a role that may do what it needs to.
async fn session(cluster: &Cluster, database: &str, application: &str) -> Session {
    let mut connection = cluster.connection(Role::Superuser, database);
    connection.application_name(application);
    Session::connect(connection).await
}

/// Statements of which each needs a transaction of its own.
async fn each(session: &Session, statements: &[&str]) {
    for statement in statements {
        session.execute(statement).await;
    }
}

fn version_table(revision: &str) -> String {
    format!(
        "CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY);
         INSERT INTO alembic_version VALUES ('{revision}')"
    )
}

async fn build_shop(cluster: &Cluster) {
    let server = cluster.session().await;
    let roles = "CREATE ROLE shop LOGIN SUPERUSER; CREATE ROLE pgwarden LOGIN IN ROLE pg_monitor, pg_read_all_data";
    each(&server, &[roles, "CREATE DATABASE shop OWNER shop", "CREATE DATABASE outlet", "CREATE DATABASE billing"])
        .await;
    session(cluster, "outlet", "setup").await.execute(&version_table(DEPLOYED)).await;
    let shop = session(cluster, "shop", "setup").await;
    shop.execute(include_str!("../../../deploy/demo/schema.sql")).await;
    // Two customers share a phone number.
    let invalid = "CREATE UNIQUE INDEX CONCURRENTLY customers_phone_key ON customers (phone)";
    shop.batch_execute(invalid).await.expect_err("the index becomes invalid");
    each(&shop, &["VACUUM", "ANALYZE"]).await;
}

async fn build_billing(cluster: &Cluster) {
    let billing = session(cluster, "billing", "setup").await;
    billing.execute(&version_table("f00dfeed0001")).await;
    billing
        .execute(
            "CREATE TABLE invoices AS SELECT id, id % 7 AS customer, 'open' AS state FROM generate_series(1, 20000) AS id;
             CREATE TABLE accounts AS SELECT id, 100 AS amount FROM generate_series(1, 3) AS id;
             -- A row fills a page, and an index entry takes its time: the build advances step by step.
             CREATE TABLE events (id int, payload text);
             ALTER TABLE events ALTER payload SET STORAGE PLAIN;
             INSERT INTO events SELECT id, repeat('x', 5000) FROM generate_series(1, 3000) AS id;
             CREATE FUNCTION slow(int) RETURNS int IMMUTABLE LANGUAGE plpgsql
             AS 'BEGIN PERFORM pg_sleep(0.2); RETURN $1; END'",
        )
        .await;
    each(&billing, &["VACUUM", "ANALYZE"]).await;
}

/// pgwarden comes as a role without any privilege.
async fn build_warehouse(cluster: &Cluster) {
    cluster.session().await.execute("CREATE DATABASE warehouse").await;
    let warehouse = session(cluster, "warehouse", "setup").await;
    warehouse.execute(&version_table(DEPLOYED)).await;
    warehouse.execute("CREATE TABLE shelves AS SELECT id, id % 40 AS aisle FROM generate_series(1, 5000) AS id").await;
}

/// Two transactions that wait for each other.
async fn deadlock(cluster: &Cluster) {
    let (one, other) = (session(cluster, "billing", "one").await, session(cluster, "billing", "other").await);
    one.execute("BEGIN; UPDATE accounts SET amount = amount - 1 WHERE id = 1").await;
    other.execute("BEGIN; UPDATE accounts SET amount = amount - 1 WHERE id = 2").await;
    let one = one.start_waiting("UPDATE accounts SET amount = amount + 1 WHERE id = 2").await;
    let second = other.batch_execute("UPDATE accounts SET amount = amount + 1 WHERE id = 1").await;
    drop(other);
    assert!(second.is_err() || one.finish().await.1.is_err(), "the server ends one of them");
}

/// The load of deploy/demo, and two clerks who get in each other's way for two seconds at a time.
fn customers(cluster: &Cluster) -> Vec<Watchdog> {
    let mut scripts: Vec<_> =
        fs::read_dir(path("deploy/demo/load")).unwrap().map(|entry| entry.unwrap().path()).collect();
    scripts.sort();
    let loads = scripts
        .iter()
        .map(|script| (script.file_stem().unwrap().to_str().unwrap(), format!("--file={}", script.display())));
    let clerk =
        "--command=BEGIN; UPDATE products SET stock = stock + 1 WHERE id = 1; SELECT pg_sleep(2); COMMIT".to_owned();
    loads.chain([("clerk", clerk.clone()), ("clerk", clerk)]).map(|(name, work)| user(cluster, name, &work)).collect()
}

/// Somebody who does the same all the time, until the watchdog is dropped or the server is gone.
fn user(cluster: &Cluster, name: &str, work: &str) -> Watchdog {
    let mut command = Command::new("sh");
    command
        .args(["-c", r#"while psql -q "$1" >/dev/null 2>&1; do :; done"#, name, work])
        .envs([("PGHOST", "127.0.0.1"), ("PGUSER", "shop"), ("PGDATABASE", "shop"), ("PSQLRC", "/dev/null")])
        .env("PGPORT", cluster.port.to_string())
        .env("PGAPPNAME", format!("shop-{name}"))
        .stdin(Stdio::null())
        .process_group(0);
    let process = command.spawn().expect("sh starts");
    Watchdog::new(r#"kill -KILL "-$1""#, [process.id().expect("it runs").to_string()])
}

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn scraping(exporter: &Exporter) -> String {
    let address = exporter.url.trim_start_matches("http://");
    format!(
        "global: {{scrape_interval: {INTERVAL:?}}}\n\
         scrape_configs:\n- job_name: pgwarden\n  static_configs: [{{targets: [{address:?}]}}]\n"
    )
}

fn configuration(folder: &Path, shop: &Cluster, warehouse: &Cluster, archive: &Cluster) -> String {
    let pace = format!("interval = \"{INTERVAL:?}\"\ntimeout = \"{INTERVAL:?}\"\n");
    let collectors = COLLECTORS.map(|name| format!("[collectors.{name}]\n{pace}")).concat();
    let target =
        |name: &str, connection: String| format!("[[targets]]\nname = \"{name}\"\nconnection = \"{connection}\"\n");
    [
        format!("state_dir = \"{}\"\n", folder.join("state").display()),
        "[tables]\nmax_tables = 9\n[columns]\nmax_columns = 30\n".to_owned(),
        collectors,
        application(folder, "shop", DEPLOYED, &["shop", "outlet"]),
        application(folder, "billing", "0000b1111190", &["billing"]),
        target("shop", shop.url(Role::Superuser, "postgres").replace("postgres@", "pgwarden@")),
        target("warehouse", warehouse.url(Role::Nobody, "warehouse")),
        target("archive", archive.url(Role::Monitor, "postgres")),
    ]
    .concat()
}

/// An application whose code is two revisions ahead of `deployed`; the second cannot run in a transaction.
fn application(folder: &Path, name: &str, deployed: &str, databases: &[&str]) -> String {
    let add = "op.add_column('orders', sa.Column('channel', sa.Text()))";
    let index = "op.create_index('ix_orders_status', 'orders', ['status'], postgresql_concurrently=True)";
    let middle = "a2f40c7d1e58";
    let scripts = folder.join(name);
    let versions = scripts.join("versions");
    fs::create_dir_all(&versions).unwrap();
    let revisions = [
        (deployed, "None".to_owned(), "pass"),
        (middle, format!("'{deployed}'"), add),
        (HEAD, format!("'{middle}'"), index),
    ];
    for (revision, parent, upgrade) in revisions {
        let text = format!(
            "import sqlalchemy as sa\nfrom alembic import op\nrevision = '{revision}'\ndown_revision = {parent}\n\
             def upgrade():\n    {upgrade}\ndef downgrade():\n    pass\n"
        );
        fs::write(versions.join(format!("{revision}.py")), text).unwrap();
    }
    let scripts = scripts.display();
    format!("[[alembic.applications]]\nname = \"{name}\"\nscripts = [\"{scripts}\"]\ndatabases = {databases:?}\n")
}
