//! The collector `column_statistics`.

use crate::support::{Cluster, Database, Major, Role, Round, Watcher, on_every_major, on_majors};

/// 1000 rows: `id` unique, `kind` one of ten, `note` NULL in three of four rows, `point` without an order.
const TABLE: &str = "
    CREATE TABLE t (id int PRIMARY KEY, kind text, note text, place point);
    INSERT INTO t SELECT i, 'kind' || i % 10, CASE WHEN i % 4 = 0 THEN 'note' END, point(i, i) FROM generate_series(1, 1000) AS i;
    ANALYZE t;";

async fn execute(database: &Database<'_>, statements: &str) {
    database.session().await.execute(statements).await;
}

async fn collect(database: &Database<'_>, role: Role) -> Round {
    Watcher::open(database, role).await.round("column_statistics").await
}

async fn collect_bounded(database: &Database<'_>, max_columns: usize) -> Round {
    let mut watcher = Watcher::open(database, Role::Superuser).await;
    watcher.config.columns.max_columns = max_columns;
    watcher.round("column_statistics").await
}

fn of(found: &Round, attname: &str, metric: &str) -> Option<f64> {
    found.number(&format!("pgwarden_column_{metric}"), &["public", "t", attname])
}

/// All columns, those whose statistics are visible.
fn counts(found: &Round) -> (f64, f64) {
    let count = |metric| found.number(metric, &[]).unwrap();
    (count("pgwarden_columns"), count("pgwarden_columns_readable"))
}

/// A share of the rows, in the single precision that PostgreSQL keeps.
fn share(value: f32) -> f64 {
    f64::from(value)
}

on_every_major! {
    async fn facts_are_those_of_the_data(major: Major) {
        let database = Cluster::shared(major).database().await;
        execute(&database, TABLE).await;
        let found = collect(&database, Role::Superuser).await;
        assert_eq!(of(&found, "id", "distinct_values"), Some(1000.0), "a ratio is resolved with the number of rows");
        assert_eq!(of(&found, "kind", "distinct_values"), Some(10.0));
        assert_eq!(of(&found, "note", "null_ratio"), Some(share(0.75)));
        assert_eq!(of(&found, "note", "most_common_ratio"), Some(share(0.25)));
        assert_eq!(of(&found, "kind", "most_common_ratio"), Some(share(0.1)));
        assert_eq!(of(&found, "id", "most_common_ratio"), None);
        assert_eq!(of(&found, "id", "correlation"), Some(1.0));
        assert_eq!(of(&found, "place", "correlation"), None);
        assert_eq!(of(&found, "id", "average_width_bytes"), Some(4.0));
        assert_eq!((counts(&found), found.left_out()), ((4.0, 4.0), 0));
    }

    async fn what_the_role_may_not_read_is_counted_and_absent(major: Major) {
        let database = Cluster::shared(major).database().await;
        execute(&database, TABLE).await;
        for role in [Role::Monitor, Role::Nobody] {
            let found = collect(&database, role).await;
            assert_eq!((counts(&found), of(&found, "id", "null_ratio")), ((4.0, 0.0), None), "{role:?}");
        }
        execute(&database, "GRANT SELECT (kind) ON t TO monitor; GRANT SELECT ON t TO nobody").await;
        let found = collect(&database, Role::Monitor).await;
        assert_eq!((counts(&found), of(&found, "id", "null_ratio")), ((4.0, 1.0), None));
        assert_eq!(of(&found, "kind", "null_ratio"), Some(0.0));
        assert_eq!(counts(&collect(&database, Role::Nobody).await), (4.0, 4.0));
        execute(&database, "ALTER TABLE t ENABLE ROW LEVEL SECURITY").await;
        let found = collect(&database, Role::Nobody).await;
        assert_eq!((counts(&found), of(&found, "id", "null_ratio")), ((4.0, 0.0), None));
    }
}

on_majors! {
    [pg13 = 13, pg18 = 18]

    async fn a_table_that_was_never_analysed_has_no_facts(major: Major) {
        let database = Cluster::shared(major).database().await;
        execute(&database, "CREATE TABLE t (id int) WITH (autovacuum_enabled = off); INSERT INTO t VALUES (1)").await;
        let found = collect(&database, Role::Superuser).await;
        assert_eq!((counts(&found), of(&found, "id", "distinct_values")), ((1.0, 1.0), None));
    }

    async fn a_partitioned_table_has_the_facts_of_all_its_partitions(major: Major) {
        let database = Cluster::shared(major).database().await;
        execute(&database, "
            CREATE TABLE t (id int, kind int) PARTITION BY RANGE (id);
            CREATE TABLE low PARTITION OF t FOR VALUES FROM (0) TO (100);
            CREATE TABLE high PARTITION OF t FOR VALUES FROM (100) TO (200);
            INSERT INTO t SELECT i, i / 100 FROM generate_series(0, 199) AS i;
            ANALYZE t").await;
        let found = collect(&database, Role::Superuser).await;
        assert_eq!(of(&found, "kind", "distinct_values"), Some(2.0));
        assert_eq!(found.number("pgwarden_column_distinct_values", &["public", "low", "kind"]), Some(1.0));
        // Version 13 does not count the rows of a partitioned table, so that a share of them cannot be resolved.
        let expected = (major >= Major(14)).then_some(200.0);
        assert_eq!(of(&found, "id", "distinct_values"), expected);
    }

    async fn a_table_under_access_exclusive_is_as_visible_as_any_other(major: Major) {
        let database = Cluster::shared(major).database().await;
        execute(&database, TABLE).await;
        let migration = database.session().await;
        migration.execute("BEGIN; LOCK TABLE t; REINDEX TABLE t").await;
        let found = collect(&database, Role::Superuser).await;
        assert_eq!(of(&found, "kind", "distinct_values"), Some(10.0));
    }

    async fn under_a_bound_keys_of_large_tables_come_first_then_large_tables(major: Major) {
        let database = Cluster::shared(major).database().await;
        execute(&database, "
            CREATE TABLE parent (id int PRIMARY KEY);
            INSERT INTO parent VALUES (1);
            CREATE TABLE t (note text, parent_id int REFERENCES parent, id int PRIMARY KEY);
            INSERT INTO t SELECT 'note', 1, i FROM generate_series(1, 50000) AS i;
            CREATE TABLE larger (plain int);
            INSERT INTO larger SELECT i FROM generate_series(1, 200000) AS i;
            ANALYZE").await;
        let seen = |found: &Round| {
            let columns = [("t", "parent_id"), ("t", "id"), ("larger", "plain"), ("t", "note"), ("parent", "id")];
            columns.map(|(relname, attname)| {
                found.number("pgwarden_column_null_ratio", &["public", relname, attname]).is_some()
            })
        };
        let found = collect_bounded(&database, 2).await;
        assert_eq!((seen(&found), found.left_out()), ([true, true, false, false, false], 3));
        let found = collect_bounded(&database, 3).await;
        assert_eq!((seen(&found), found.left_out()), ([true, true, true, false, false], 2));
        let found = collect_bounded(&database, usize::MAX).await;
        assert_eq!((seen(&found), found.left_out()), ([true; 5], 0));
    }

    async fn columns_have_their_names_whatever_is_in_them(major: Major) {
        let database = Cluster::shared(major).database().await;
        let (table, column) = ("we\"ird\n🦀", "it's \"a\\b\"");
        let quote = pgwarden::postgres::quote;
        execute(&database, &format!("CREATE TABLE {0} AS SELECT 1 AS {1}; ANALYZE {0}", quote(table), quote(column))).await;
        let found = collect(&database, Role::Superuser).await;
        assert_eq!(found.number("pgwarden_column_null_ratio", &["public", table, column]), Some(0.0));
    }
}
