//! The collector `table_sizes`.

use std::time::Duration;

use pgwarden::config::CollectorSettings;

use crate::support::{
    Cluster, Database, Major, PATIENCE, Role, Round, Session, Watcher, on_every_major, on_majors, wait_until,
};

/// Two tables: `t` with a key, values out of line and a map of free space, `calm` with nothing special.
const TABLES: &str = "
    CREATE TABLE t (id int PRIMARY KEY, body text);
    ALTER TABLE t ALTER body SET STORAGE EXTERNAL;
    INSERT INTO t SELECT i, repeat('x', 5000) FROM generate_series(1, 100) AS i;
    CREATE TABLE calm AS SELECT generate_series(1, 2000) AS id;";

async fn tables(database: &Database<'_>) -> Session {
    let session = database.session().await;
    session.execute(TABLES).await;
    session.execute("VACUUM ANALYZE").await;
    session
}

async fn expect(session: &Session, found: &Round, metric: &str, relname: &str, query: &str) {
    let expected: f64 = session.query_text(query).await.unwrap().parse().unwrap();
    assert_eq!(found.number(metric, &["public", relname]), Some(expected), "{metric} of {relname}");
}

fn is_estimated(found: &Round, relname: &str) -> bool {
    found.number("pgwarden_table_size_estimated", &["public", relname]).unwrap() > 0.0
}

/// One round. Our tests' sessions have all the patience in the world for locks, so that waiting for one shows: the round's
/// time would be used up and no size would be exact.
async fn collect(database: &Database<'_>, role: Role) -> Round {
    Watcher::open(database, role).await.round("table_sizes").await
}

async fn collect_bounded(database: &Database<'_>, max_tables: usize) -> Round {
    let mut watcher = Watcher::open(database, Role::Nobody).await;
    watcher.config.tables.max_tables = max_tables;
    watcher.round("table_sizes").await
}

/// A session that gives up at once where it would have to wait for a lock.
async fn impatient(database: &Database<'_>) -> Watcher {
    let mut watcher = Watcher::open(database, Role::Nobody).await;
    watcher.config.sessions.lock_timeout = Duration::from_millis(1);
    watcher.reopen().await;
    watcher
}

/// The table `t` has estimates and nothing else has.
fn expect_only_t_estimated(found: &Round) {
    assert!(is_estimated(found, "t"));
    assert!(!is_estimated(found, "calm"));
    assert_eq!(found.number("pgwarden_tables_size_estimated", &[]), Some(1.0));
    assert!(found.number("pgwarden_table_heap_size_bytes", &["public", "t"]) > Some(0.0));
    assert!(found.number("pgwarden_table_indexes_size_bytes", &["public", "t"]) > Some(0.0));
    assert!(found.number("pgwarden_table_toast_size_bytes", &["public", "t"]) > Some(500_000.0));
}

on_every_major! {
    async fn sizes_are_exact_whatever_the_role_may_read(major: Major) {
        let database = Cluster::shared(major).database().await;
        let session = tables(&database).await;
        for role in [Role::Superuser, Role::Monitor, Role::Nobody] {
            let found = collect(&database, role).await;
            for relname in ["t", "calm"] {
                let size = |function: &str| format!("SELECT {function}('{relname}')");
                expect(&session, &found, "pgwarden_table_size_bytes", relname, &size("pg_total_relation_size")).await;
                expect(&session, &found, "pgwarden_table_indexes_size_bytes", relname, &size("pg_indexes_size")).await;
                let toast = format!(
                    "SELECT coalesce(pg_total_relation_size(nullif(reltoastrelid, 0)), 0) FROM pg_class WHERE oid = '{relname}'::regclass"
                );
                expect(&session, &found, "pgwarden_table_toast_size_bytes", relname, &toast).await;
                let heap = format!("SELECT pg_table_size('{relname}') - ({toast})");
                expect(&session, &found, "pgwarden_table_heap_size_bytes", relname, &heap).await;
                assert!(!is_estimated(&found, relname), "{role:?}");
            }
            assert_eq!(found.number("pgwarden_table_estimated_rows", &["public", "t"]), Some(100.0));
            assert_eq!(found.number("pgwarden_tables", &[]), Some(2.0));
            assert_eq!(found.number("pgwarden_tables_size_estimated", &[]), Some(0.0));
        }
    }

    async fn rows_are_unknown_until_they_are_counted(major: Major) {
        let database = Cluster::shared(major).database().await;
        let session = database.session().await;
        session.execute("CREATE TABLE fresh (id int) WITH (autovacuum_enabled = off); INSERT INTO fresh VALUES (1)").await;
        let found = collect(&database, Role::Nobody).await;
        assert_eq!(found.number("pgwarden_table_estimated_rows", &["public", "fresh"]), None);
        assert_eq!(found.number("pgwarden_table_size_bytes", &["public", "fresh"]), Some(8192.0));
        session.execute("TRUNCATE fresh").await;
        session.execute("VACUUM fresh").await;
        // Version 13 cannot tell an empty table from one that was never analysed.
        let expected = (major >= Major(14)).then_some(0.0);
        let found = collect(&database, Role::Nobody).await;
        assert_eq!(found.number("pgwarden_table_estimated_rows", &["public", "fresh"]), expected);
    }
}

on_majors! {
    [pg13 = 13, pg18 = 18]

    async fn a_table_under_access_exclusive_keeps_its_estimates_and_delays_nothing(major: Major) {
        let database = Cluster::shared(major).database().await;
        let session = tables(&database).await;
        session.execute("BEGIN; LOCK TABLE t IN ACCESS EXCLUSIVE MODE").await;
        expect_only_t_estimated(&collect(&database, Role::Nobody).await);
        session.execute("ROLLBACK").await;
        assert!(!is_estimated(&collect(&database, Role::Nobody).await, "t"));
    }

    async fn a_table_that_is_locked_keeps_its_last_exact_size_as_an_estimate(major: Major) {
        let database = Cluster::shared(major).database().await;
        let session = database.session().await;
        session.execute("CREATE TABLE fresh (id int) WITH (autovacuum_enabled = off); INSERT INTO fresh VALUES (1)").await;
        let mut watcher = Watcher::open(&database, Role::Nobody).await;
        watcher.round("table_sizes").await;
        session.execute("BEGIN; LOCK TABLE fresh IN ACCESS EXCLUSIVE MODE").await;
        let found = watcher.round("table_sizes").await;
        // Nobody has counted its pages yet, so that pg_class would say 0.
        assert_eq!(found.number("pgwarden_table_size_bytes", &["public", "fresh"]), Some(8192.0));
        assert!(is_estimated(&found, "fresh"));
    }

    async fn access_exclusive_that_is_only_awaited_is_respected_as_well(major: Major) {
        let database = Cluster::shared(major).database().await;
        let reader = tables(&database).await;
        reader.execute("BEGIN; SELECT FROM t").await;
        let migration = database.session().await.start_waiting("ALTER TABLE t ADD COLUMN more int").await;
        expect_only_t_estimated(&collect(&database, Role::Nobody).await);
        assert!(!migration.is_finished());
        reader.execute("ROLLBACK").await;
        migration.finish().await.1.unwrap();
    }

    async fn an_index_or_toast_index_that_is_rebuilt_leaves_its_table_with_estimates(major: Major) {
        let database = Cluster::shared(major).database().await;
        let session = tables(&database).await;
        let toast = session.query_text("SELECT reltoastrelid::regclass FROM pg_class WHERE oid = 't'::regclass").await;
        for reindex in ["REINDEX INDEX t_pkey".to_owned(), format!("REINDEX TABLE {}", toast.unwrap())] {
            session.execute(&format!("BEGIN; {reindex}")).await;
            expect_only_t_estimated(&collect(&database, Role::Nobody).await);
            session.execute("ROLLBACK").await;
        }
    }

    async fn measurements_that_would_wait_or_take_too_long_are_given_up_for_estimates(major: Major) {
        let database = Cluster::shared(major).database().await;
        let session = tables(&database).await;
        // Whoever opens a table that has defaults reads this catalog, and no lock on the table tells that it would wait.
        session.execute("CREATE TABLE defaults (id int DEFAULT 1)").await;
        session.execute("BEGIN; LOCK TABLE pg_attrdef").await;
        let mut short = Watcher::open(&database, Role::Nobody).await;
        let timeout = Some(Duration::from_secs(3));
        short.config.collectors.insert("table_sizes".to_owned(), CollectorSettings { timeout, ..Default::default() });
        for mut watcher in [impatient(&database).await, short] {
            let found = watcher.round("table_sizes").await;
            assert_eq!(found.number("pgwarden_tables_size_estimated", &[]), Some(3.0));
            assert!(found.number("pgwarden_table_size_bytes", &["public", "t"]) > Some(500_000.0));
        }
    }

    async fn a_size_is_measured_again_after_whatever_can_change_it(major: Major) {
        let database = Cluster::shared(major).database().await;
        let session = tables(&database).await;
        let mut watcher = Watcher::open(&database, Role::Nobody).await;
        watcher.round("table_sizes").await;
        for change in [
            "INSERT INTO calm SELECT generate_series(1, 5000)",
            "DELETE FROM calm WHERE id > 1000; VACUUM calm",
            "CREATE INDEX ON calm (id)",
            "CREATE INDEX ON calm ((id % 10))",
            "VACUUM FULL calm",
            "TRUNCATE calm",
            "UPDATE t SET body = repeat('y', 10000)",
        ] {
            // VACUUM runs in no transaction block, not even that of several statements.
            for statement in change.split("; ") {
                session.execute(statement).await;
            }
            wait_until(change, PATIENCE, async || {
                let found = watcher.round("table_sizes").await;
                let mut fits = true;
                for relname in ["t", "calm"] {
                    let size = format!("SELECT pg_total_relation_size('{relname}')");
                    let size: f64 = session.query_text(&size).await.unwrap().parse().unwrap();
                    fits &= found.number("pgwarden_table_size_bytes", &["public", relname]) == Some(size);
                    fits &= !is_estimated(&found, relname);
                }
                fits
            })
            .await;
        }
    }

    async fn a_lock_in_another_database_changes_nothing(major: Major) {
        let cluster = Cluster::shared(major);
        let (database, other) = (cluster.database().await, cluster.database().await);
        tables(&database).await;
        let session = other.session().await;
        session.execute("BEGIN; LOCK TABLE pg_description IN ACCESS EXCLUSIVE MODE").await;
        assert!(!is_estimated(&collect(&database, Role::Nobody).await, "t"));
    }

    async fn tables_that_come_and_go_and_are_locked_meanwhile_fail_no_round(major: Major) {
        let database = Cluster::shared(major).database().await;
        tables(&database).await;
        let churn = "DO $$ BEGIN
            FOR i IN 1..300 LOOP
                CREATE TABLE brief (id int PRIMARY KEY, body text); COMMIT;
                LOCK TABLE t; COMMIT;
                DROP TABLE brief; COMMIT;
            END LOOP; END $$";
        let churn = database.session().await.start(churn);
        let mut rounds = 0;
        while rounds < 5 || !churn.is_finished() {
            let found = impatient(&database).await.round("table_sizes").await;
            assert!(found.number("pgwarden_table_size_bytes", &["public", "calm"]) > Some(0.0));
            rounds += 1;
        }
        churn.finish().await.1.unwrap();
    }

    async fn a_table_has_its_name_whatever_is_in_it(major: Major) {
        let database = Cluster::shared(major).database().await;
        let session = database.session().await;
        let start = "we\"ird 'name'\n🦀";
        let name = format!("{start}{}", "x".repeat(63 - start.len()));        let quoted = name.replace('"', "\"\"");
        session.execute(&format!("CREATE SCHEMA \"s\nß\"; CREATE TABLE \"s\nß\".\"{quoted}\" AS SELECT 1")).await;
        let found = collect(&database, Role::Nobody).await;
        assert_eq!(found.number("pgwarden_table_size_bytes", &["s\nß", &name]), Some(8192.0));
    }

    async fn tables_beyond_the_bound_are_summed_in_one_row(major: Major) {
        let database = Cluster::shared(major).database().await;
        let session = database.session().await;
        for (number, rows) in [(1, 40_000), (2, 30_000), (3, 20_000), (4, 10_000)] {
            session.execute(&format!("CREATE TABLE t{number} AS SELECT generate_series(1, {rows}) AS id")).await;
        }
        session.execute("CREATE TABLE other ()").await;
        session.execute("VACUUM ANALYZE").await;
        let found = collect_bounded(&database, 2).await;
        let size = |schemaname, relname| found.number("pgwarden_table_size_bytes", &[schemaname, relname]);
        expect(&session, &found, "pgwarden_table_size_bytes", "t2", "SELECT pg_total_relation_size('t2')").await;
        assert_eq!(size("public", "t3"), None);
        let rest = "SELECT pg_total_relation_size('t3') + pg_total_relation_size('t4')";
        let rest: f64 = session.query_text(rest).await.unwrap().parse().unwrap();
        assert_eq!(size("", "other"), Some(rest));
        assert_eq!(found.number("pgwarden_table_estimated_rows", &["", "other"]), Some(30_000.0));
        assert_eq!(found.number("pgwarden_table_size_estimated", &["", "other"]), Some(0.0));
        assert_eq!((found.left_out(), found.number("pgwarden_tables", &[])), (3, Some(5.0)));
        let found = collect_bounded(&database, usize::MAX).await;
        assert_eq!((found.left_out(), found.number("pgwarden_table_size_bytes", &["", "other"])), (0, None));
    }

    async fn what_is_no_table_of_a_user_is_left_out(major: Major) {
        let database = Cluster::shared(major).database().await;
        let session = database.session().await;
        session.execute("
            CREATE TEMP TABLE temporary (id int);
            CREATE VIEW v AS SELECT 1 AS id;
            CREATE TABLE parts (id int) PARTITION BY RANGE (id);
            CREATE TABLE part PARTITION OF parts FOR VALUES FROM (0) TO (10);
            CREATE MATERIALIZED VIEW m AS SELECT 1 AS id").await;
        let found = collect(&database, Role::Superuser).await;
        assert_eq!(found.number("pgwarden_tables", &[]), Some(2.0));
        assert_eq!(found.number("pgwarden_table_size_bytes", &["public", "part"]), Some(0.0));
        expect(&session, &found, "pgwarden_table_size_bytes", "m", "SELECT pg_total_relation_size('m')").await;
    }
}

#[tokio::test]
async fn of_very_many_tables_the_largest_are_measured_and_the_rest_estimated() {
    let database = Cluster::shared(Major(15)).database().await;
    let session = database.session().await;
    let many = "DO $$ BEGIN FOR i IN 1..1100 LOOP EXECUTE format('CREATE TABLE t%s ()', i); END LOOP; END $$";
    session.execute(many).await;
    tables(&database).await;
    let found = collect(&database, Role::Nobody).await;
    assert_eq!(found.number("pgwarden_tables", &[]), Some(1102.0));
    assert_eq!(found.number("pgwarden_tables_size_estimated", &[]), Some(102.0));
    assert!(!is_estimated(&found, "t"));
    assert_eq!(found.number("pgwarden_table_size_estimated", &["", "other"]), Some(1.0));
    // Without a bound, a round measures as many, the largest first, and the next one goes on.
    let mut watcher = Watcher::open(&database, Role::Nobody).await;
    watcher.config.tables.max_tables = usize::MAX;
    for estimated in [102.0, 0.0] {
        let found = watcher.round("table_sizes").await;
        assert_eq!(found.number("pgwarden_tables_size_estimated", &[]), Some(estimated));
        assert!(!is_estimated(&found, "t"));
    }
}
