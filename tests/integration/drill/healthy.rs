//! A shop on a busy day: nothing is wrong, and nobody is called.

use std::time::Duration;

use futures_util::TryStreamExt;

use super::faults::revisions;
use super::fleet::{quick, target};
use super::shipped::Rules;
use super::stage::{Alarm, Stage};
use crate::support::{Cluster, Exporter, Major, Role, Session, wait_until};

const SCHEMA: &str = "CREATE TABLE stock (id int PRIMARY KEY, amount int NOT NULL);
    INSERT INTO stock SELECT id, 1000000 FROM generate_series(1, 100) id;
    CREATE TABLE orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, stock int REFERENCES stock, at timestamptz);
    CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY); GRANT SELECT ON alembic_version TO PUBLIC;
    INSERT INTO alembic_version VALUES ('c3')";

/// Short transactions, which now and then want the same row.
async fn sell(session: Session) {
    loop {
        let stock = fastrand::u32(1..=10);
        session
            .execute(&format!(
                "BEGIN; INSERT INTO orders (stock, at) VALUES ({stock}, now());
                 UPDATE stock SET amount = amount - 1 WHERE id = {stock}; COMMIT"
            ))
            .await;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Work of every night, which stands back where an index is built: each would wait for the other.
async fn maintain(session: Session) {
    loop {
        session.execute("VACUUM (ANALYZE, SKIP_LOCKED) orders").await;
        session.execute("SELECT stock, count(*) FROM orders GROUP BY stock").await;
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

/// A backup, which takes its time and locks that forbid nothing but DDL.
async fn back_up(session: Session) {
    session.execute("SET application_name = 'pg_dump'").await;
    loop {
        session
            .execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; LOCK TABLE orders, stock IN ACCESS SHARE MODE")
            .await;
        let rows = session.copy_out("COPY orders TO STDOUT").await.unwrap();
        rows.try_for_each(|_| async { Ok(()) }).await.unwrap();
        session.execute("SELECT pg_sleep(1); COMMIT").await;
    }
}

/// A deployment every few seconds: new code, and at once its migration, which gives up and tries again rather than wait.
async fn deploy(session: Session, folder: &std::path::Path) {
    let mut last = "c3".to_owned();
    for number in 4.. {
        tokio::time::sleep(Duration::from_secs(5)).await;
        let next = format!("d{number}");
        revisions::write(&folder.join("shop"), &next, Some(&last), "");
        let upgrade = format!(
            "BEGIN; SET LOCAL lock_timeout = '1s'; SELECT * FROM alembic_version;
             ALTER TABLE orders ADD COLUMN {next} text;
             UPDATE alembic_version SET version_num = '{next}'; COMMIT"
        );
        while session.batch_execute(&upgrade).await.is_err() {
            session.execute("ROLLBACK").await;
        }
        session.execute(&format!("CREATE INDEX CONCURRENTLY orders_{next} ON orders ({next})")).await;
        last = next;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn healthy_load_calls_nobody() {
    let shop = Cluster::own(Major(18), &[]);
    let session = async || Session::connect(shop.connection(Role::Superuser, "postgres")).await;
    session().await.execute(SCHEMA).await;
    let folder = tempfile::tempdir().unwrap();
    revisions::write_history(folder.path(), "shop");
    let application = revisions::application(folder.path(), "shop", "postgres");
    let target = target("main", &shop, Role::Monitor, &["postgres"]);
    let refresh = "[alembic]\nrefresh = \"1s\"\n";
    let exporter = Exporter::start(&[&quick("4s"), refresh, &application, &target].concat()).await;
    // Longer than a busy machine holds its breath, and still a fraction of what the rules allow.
    let stage = Stage::set(Rules::accelerated(Duration::from_secs(15)), &[&exporter]).await;
    let load = async {
        tokio::join!(
            sell(session().await),
            sell(session().await),
            maintain(session().await),
            back_up(session().await),
            deploy(session().await, folder.path())
        );
    };
    let day = async {
        for watch in &stage.watches {
            wait_until("enough was seen", Duration::from_secs(90), async || {
                watch.prometheus.value("count_over_time(up[10m])").await >= Some(40.0)
            })
            .await;
        }
    };
    tokio::select! {
        () = load => {}
        () = day => {}
    }
    let orders: u32 = session().await.query_text("SELECT count(*) FROM orders").await.unwrap().parse().unwrap();
    let indexes = "SELECT count(*) FROM pg_indexes WHERE indexname LIKE 'orders_d%'";
    let deployments: u32 = session().await.query_text(indexes).await.unwrap().parse().unwrap();
    assert!(orders > 500 && deployments > 2, "{orders} orders, {deployments} deployments: not much of a load");
    assert_eq!(stage.unexpected(), Vec::<String>::new());
    // It would have arrived.
    exporter.signal("KILL");
    stage.fires(Alarm::critical("PgwardenExporterDown", &[("job", "pgwarden")])).await;
    assert_eq!((stage.complaints(), stage.unexpected()), (Vec::new(), Vec::new()));
}
