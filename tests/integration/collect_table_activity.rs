//! The collector `table_activity`.

use crate::support::{Cluster, Database, Major, PATIENCE, Role, Round, Watcher, on_every_major, on_majors, wait_for};

/// Work on a table with an index and values out of line, each part with numbers of its own.
const WORK: [&str; 8] = [
    "CREATE TABLE t (id int PRIMARY KEY, body text) WITH (fillfactor = 50, autovacuum_enabled = off, toast.autovacuum_enabled = off)",
    "ALTER TABLE t ALTER body SET STORAGE EXTERNAL",
    "INSERT INTO t SELECT i, CASE WHEN i <= 3 THEN repeat('x', 5000) END FROM generate_series(1, 100) AS i",
    "SET enable_seqscan = off; UPDATE t SET body = 'y' WHERE id BETWEEN 50 AND 56",
    "SET enable_seqscan = off; DELETE FROM t WHERE id > 95",
    "VACUUM ANALYZE t",
    "SET enable_seqscan = off; SET enable_bitmapscan = off; SELECT body FROM t WHERE id = 1",
    "SET enable_seqscan = on; SET enable_indexscan = off; SET enable_indexonlyscan = off; SELECT count(*) FROM t; SELECT count(*) FROM t",
];

/// Metrics with the columns of `pg_stat_all_tables` that they show, by the version that brought the column.
const STAT_COLUMNS: &[(u16, &str, &str)] = &[
    (13, "pgwarden_table_seq_scans_total", "seq_scan"),
    (13, "pgwarden_table_seq_rows_read_total", "seq_tup_read"),
    (16, "pgwarden_table_last_seq_scan_timestamp_seconds", "extract(epoch FROM last_seq_scan)::float8"),
    (13, "pgwarden_table_index_scans_total", "idx_scan"),
    (13, "pgwarden_table_index_rows_fetched_total", "idx_tup_fetch"),
    (16, "pgwarden_table_last_index_scan_timestamp_seconds", "extract(epoch FROM last_idx_scan)::float8"),
    (13, "pgwarden_table_rows_inserted_total", "n_tup_ins"),
    (13, "pgwarden_table_rows_updated_total", "n_tup_upd"),
    (13, "pgwarden_table_rows_deleted_total", "n_tup_del"),
    (13, "pgwarden_table_rows_hot_updated_total", "n_tup_hot_upd"),
    (16, "pgwarden_table_rows_newpage_updated_total", "n_tup_newpage_upd"),
    (13, "pgwarden_table_live_rows", "n_live_tup"),
    (13, "pgwarden_table_dead_rows", "n_dead_tup"),
    (13, "pgwarden_table_rows_modified_since_analyze", "n_mod_since_analyze"),
    (13, "pgwarden_table_rows_inserted_since_vacuum", "n_ins_since_vacuum"),
    (13, "pgwarden_table_last_vacuum_timestamp_seconds", "extract(epoch FROM last_vacuum)::float8"),
    (13, "pgwarden_table_last_autovacuum_timestamp_seconds", "extract(epoch FROM last_autovacuum)::float8"),
    (13, "pgwarden_table_last_analyze_timestamp_seconds", "extract(epoch FROM last_analyze)::float8"),
    (13, "pgwarden_table_last_autoanalyze_timestamp_seconds", "extract(epoch FROM last_autoanalyze)::float8"),
    (13, "pgwarden_table_vacuums_total", "vacuum_count"),
    (13, "pgwarden_table_autovacuums_total", "autovacuum_count"),
    (13, "pgwarden_table_analyzes_total", "analyze_count"),
    (13, "pgwarden_table_autoanalyzes_total", "autoanalyze_count"),
    (18, "pgwarden_table_vacuum_seconds_total", "total_vacuum_time / 1000"),
    (18, "pgwarden_table_autovacuum_seconds_total", "total_autovacuum_time / 1000"),
    (18, "pgwarden_table_analyze_seconds_total", "total_analyze_time / 1000"),
    (18, "pgwarden_table_autoanalyze_seconds_total", "total_autoanalyze_time / 1000"),
    (13, "pgwarden_table_heap_blocks_read_total", "heap_blks_read"),
    (13, "pgwarden_table_heap_blocks_hit_total", "heap_blks_hit"),
    (13, "pgwarden_table_index_blocks_read_total", "idx_blks_read"),
    (13, "pgwarden_table_index_blocks_hit_total", "idx_blks_hit"),
    (13, "pgwarden_table_toast_blocks_read_total", "toast_blks_read"),
    (13, "pgwarden_table_toast_blocks_hit_total", "toast_blks_hit"),
    (13, "pgwarden_table_toast_index_blocks_read_total", "tidx_blks_read"),
    (13, "pgwarden_table_toast_index_blocks_hit_total", "tidx_blks_hit"),
];

/// Runs each statement in a session of its own, whose end publishes the statistics on every version. VACUUM sets the number
/// of live rows at once, and what the same session had changed before would be added to it again.
async fn work(database: &Database<'_>, statements: &[&str]) {
    for statement in statements {
        let session = database.session().await;
        session.execute(statement).await;
        let gone = format!("SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = {})", session.pid);
        drop(session);
        database.session().await.wait_until_holds(&gone, PATIENCE).await;
    }
}

async fn collect(database: &Database<'_>, role: Role) -> Round {
    Watcher::open(database, role).await.round("table_activity").await
}

async fn collect_bounded(database: &Database<'_>, max_tables: usize) -> Round {
    let mut watcher = Watcher::open(database, Role::Nobody).await;
    watcher.config.tables.max_tables = max_tables;
    watcher.round("table_activity").await
}

fn of(found: &Round, relname: &str, metric: &str) -> Option<f64> {
    found.number(&format!("pgwarden_table_{metric}"), &["public", relname])
}

/// What is found once the statistics hold what was done last.
async fn collect_when(database: &Database<'_>, role: Role, settled: impl Fn(&Round) -> bool) -> Round {
    wait_for("the statistics are published", PATIENCE, async || {
        let found = collect(database, role).await;
        settled(&found).then_some(found)
    })
    .await
}

on_every_major! {
    async fn values_are_what_was_done_and_what_the_views_show(major: Major) {
        let database = Cluster::shared(major).database().await;
        work(&database, &WORK[..2]).await;
        let before = collect(&database, Role::Nobody).await;
        assert_eq!(of(&before, "t", "last_vacuum_timestamp_seconds"), None);
        work(&database, &WORK[2..]).await;
        // The last statement scans twice and sees the 95 rows that are left.
        let found = collect_when(&database, Role::Nobody, |found| of(found, "t", "seq_rows_read_total") == Some(190.0)).await;
        for (metric, expected) in [
            ("rows_inserted_total", 100.0),
            ("rows_updated_total", 7.0),
            ("rows_deleted_total", 5.0),
            ("rows_hot_updated_total", 7.0),
            ("live_rows", 95.0),
            ("dead_rows", 0.0),
            ("rows_modified_since_analyze", 0.0),
            ("vacuums_total", 1.0),
            ("analyzes_total", 1.0),
            ("autovacuums_total", 0.0),
        ] {
            assert_eq!(of(&found, "t", metric), Some(expected), "{metric}");
        }
        assert!(of(&found, "t", "index_scans_total") > of(&before, "t", "index_scans_total"));
        assert!(of(&found, "t", "toast_blocks_hit_total") > Some(0.0));
        assert!(of(&found, "t", "last_vacuum_timestamp_seconds") > Some(1.7e9));
        let session = database.session().await;
        for (since, metric, column) in STAT_COLUMNS.iter().filter(|(since, ..)| *since <= major.0) {
            let view = if column.contains("blks") { "pg_statio_all_tables" } else { "pg_stat_all_tables" };
            let shown = session.query_text(&format!("SELECT {column} FROM {view} WHERE relname = 't'")).await;
            let shown = shown.map(|number| number.parse::<f64>().unwrap());
            assert_eq!(found.number(metric, &["public", "t"]), shown, "{metric}, since {since}");
        }
    }
}

on_majors! {
    [pg13 = 13, pg18 = 18]

    async fn a_table_without_index_or_toast_has_no_values_for_them(major: Major) {
        let database = Cluster::shared(major).database().await;
        work(&database, &["CREATE TABLE bare (id int)"]).await;
        let found = collect(&database, Role::Monitor).await;
        assert_eq!(of(&found, "bare", "seq_scans_total"), Some(0.0));
        for metric in ["index_scans_total", "index_rows_fetched_total", "index_blocks_hit_total", "toast_blocks_hit_total"] {
            assert_eq!(of(&found, "bare", metric), None, "{metric}");
        }
    }

    async fn a_table_under_access_exclusive_is_as_visible_as_any_other(major: Major) {
        let database = Cluster::shared(major).database().await;
        work(&database, &WORK[..3]).await;
        let migration = database.session().await;
        migration.execute("BEGIN; LOCK TABLE t; REINDEX TABLE t").await;
        let found = wait_for("the statistics are published", PATIENCE, async || {
            let found = collect(&database, Role::Nobody).await;
            (of(&found, "t", "rows_inserted_total") == Some(100.0)).then_some(found)
        }).await;
        assert!(of(&found, "t", "index_blocks_hit_total").is_some());
    }

    async fn tables_beyond_the_bound_are_summed_without_their_times(major: Major) {
        let database = Cluster::shared(major).database().await;
        work(&database, &[
            "CREATE TABLE large AS SELECT generate_series(1, 5000) AS id",
            "CREATE TABLE small AS SELECT generate_series(1, 30) AS id",
            "CREATE TABLE smaller AS SELECT generate_series(1, 4) AS id",
            "VACUUM ANALYZE large, small, smaller",
        ]).await;
        collect_when(&database, Role::Nobody, |found| {
            ["large", "small", "smaller"].iter().all(|name| of(found, name, "analyzes_total") == Some(1.0))
        }).await;
        let found = collect_bounded(&database, 1).await;
        assert_eq!(of(&found, "large", "rows_inserted_total"), Some(5000.0));
        assert_eq!(of(&found, "small", "rows_inserted_total"), None);
        let other = |metric| found.number(metric, &["", "other"]);
        assert_eq!(other("pgwarden_table_rows_inserted_total"), Some(34.0));
        assert_eq!(other("pgwarden_table_live_rows"), Some(34.0));
        assert_eq!(other("pgwarden_table_vacuums_total"), Some(2.0));
        assert_eq!(other("pgwarden_table_last_vacuum_timestamp_seconds"), None);
        assert_eq!(found.left_out(), 2);
    }

    async fn an_unanalysed_table_that_was_just_loaded_ranks_by_its_rows(major: Major) {
        let database = Cluster::shared(major).database().await;
        work(&database, &[
            "CREATE TABLE known AS SELECT generate_series(1, 1000) AS id",
            "ANALYZE known",
            "CREATE TABLE loaded (id int) WITH (autovacuum_enabled = off)",
            "INSERT INTO loaded SELECT generate_series(1, 20000)",
        ]).await;
        wait_for("the loaded table ranks first", PATIENCE, async || {
            let found = collect_bounded(&database, 1).await;
            of(&found, "loaded", "rows_inserted_total")
        }).await;
    }
}

#[tokio::test]
async fn a_database_without_tables_is_no_error() {
    let database = Cluster::shared(Major(18)).database().await;
    let found = collect(&database, Role::Nobody).await;
    assert_eq!((found.number("pgwarden_table_seq_scans_total", &["", "other"]), found.left_out()), (None, 0));
}
