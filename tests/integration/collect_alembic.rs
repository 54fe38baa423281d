//! The collector `alembic`: what version tables hold, read without ever waiting for one.

use pgwarden::config::VersionTableName;

use crate::support::{Cluster, Database, PATIENCE, Role, Round, Session, Watcher, on_every_major, on_majors};

const PUBLIC: [&str; 2] = ["public", "alembic_version"];

/// A version table as Alembic makes it.
async fn create(session: &Session, table: &str, revisions: &[&str]) {
    session.execute(&format!("CREATE TABLE {table} (version_num varchar(32) PRIMARY KEY)")).await;
    for revision in revisions {
        session.execute(&format!("INSERT INTO {table} VALUES ('{revision}')")).await;
    }
}

async fn database_with_version_table(cluster: &Cluster) -> (Database<'_>, Session) {
    let database = cluster.database().await;
    let session = database.session().await;
    create(&session, "public.alembic_version", &["a1"]).await;
    (database, session)
}

fn first_seen(round: &Round) -> f64 {
    round.number("pgwarden_alembic_revision_first_seen_timestamp_seconds", &PUBLIC).unwrap()
}

fn has(round: &Round, [schema, table]: [&str; 2], revision: &str) -> bool {
    round.number("pgwarden_alembic_revision_info", &[schema, table, revision]) == Some(1.0)
}

/// The revisions are the last known ones, and the table is said to be locked.
fn assert_locked(round: &Round, before: &Round) {
    assert_eq!(round.number("pgwarden_alembic_version_table_locked", &PUBLIC), Some(1.0));
    assert_eq!(round.number("pgwarden_alembic_version_table_readable", &PUBLIC), Some(1.0));
    assert_eq!(round.number("pgwarden_alembic_version_table_rows", &PUBLIC), Some(1.0));
    assert!(has(round, PUBLIC, "a1"));
    assert_eq!(first_seen(round).to_bits(), first_seen(before).to_bits());
}

on_every_major! {
    async fn a_version_table_is_found_in_every_schema_whatever_its_name(major: Major) {
        let database = Cluster::shared(major).database().await;
        let session = database.session().await;
        let weird = ["we\"ird 🦀\nschema", "select; --\n\"🐘\""];
        session.execute("CREATE SCHEMA tenant; CREATE SCHEMA \"we\"\"ird 🦀\nschema\"; CREATE TABLE unrelated (id int)").await;
        create(&session, "public.alembic_version", &["a1"]).await;
        create(&session, "tenant.alembic_version", &["b2", "c3"]).await;
        create(&session, "tenant.empty", &[]).await;
        create(&session, "\"we\"\"ird 🦀\nschema\".\"select; --\n\"\"🐘\"\"\"", &["d'\"4", "two\nlines"].map(|text| text.replace('\'', "''")).each_ref().map(String::as_str)).await;
        session.execute("CREATE TEMP TABLE fleeting (version_num text)").await;
        let round = Watcher::open(&database, Role::Superuser).await.round("alembic").await;
        assert_eq!(round.number("pgwarden_alembic_version_tables", &[]), Some(4.0));
        for (table, rows, revisions) in [
            (PUBLIC, 1.0, vec!["a1"]),
            (["tenant", "alembic_version"], 2.0, vec!["b2", "c3"]),
            (["tenant", "empty"], 0.0, vec![]),
            (weird, 2.0, vec!["d'\"4", "two\nlines"]),
        ] {
            assert_eq!(round.number("pgwarden_alembic_version_table_rows", &table), Some(rows), "{table:?}");
            assert_eq!(round.number("pgwarden_alembic_version_table_readable", &table), Some(1.0), "{table:?}");
            assert_eq!(round.number("pgwarden_alembic_version_table_locked", &table), Some(0.0), "{table:?}");
            assert!(revisions.iter().all(|revision| has(&round, table, revision)), "{table:?}");
        }
        assert_eq!(round.series("pgwarden_alembic_revision_info").len(), 5);
    }

    async fn an_access_exclusive_lock_is_not_waited_for(major: Major) {
        let (database, session) = database_with_version_table(Cluster::shared(major)).await;
        let mut watcher = Watcher::open(&database, Role::Superuser).await;
        let before = watcher.round("alembic").await;
        session.execute("BEGIN; LOCK TABLE alembic_version; UPDATE alembic_version SET version_num = 'b2'").await;
        assert_locked(&watcher.round("alembic").await, &before);
        session.execute("COMMIT").await;
        let after = watcher.round("alembic").await;
        assert_eq!(after.number("pgwarden_alembic_version_table_locked", &PUBLIC), Some(0.0));
        assert!(has(&after, PUBLIC, "b2") && !has(&after, PUBLIC, "a1"));
        assert!(first_seen(&after) > first_seen(&before));
    }

    async fn an_access_exclusive_lock_that_only_queues_is_not_waited_for(major: Major) {
        let (database, session) = database_with_version_table(Cluster::shared(major)).await;
        let mut watcher = Watcher::open(&database, Role::Superuser).await;
        let before = watcher.round("alembic").await;
        session.execute("BEGIN; SELECT FROM alembic_version").await;
        let alter = database.session().await.start_waiting("ALTER TABLE alembic_version ADD note text").await;
        assert_locked(&watcher.round("alembic").await, &before);
        assert!(!alter.is_finished());
        session.execute("COMMIT").await;
        alter.finish().await.1.unwrap();
    }
}

on_majors! {
    [pg13 = 13, pg18 = 18]

    async fn a_lock_on_the_index_alone_is_not_waited_for(major: Major) {
        let (database, session) = database_with_version_table(Cluster::shared(major)).await;
        let mut watcher = Watcher::open(&database, Role::Superuser).await;
        let before = watcher.round("alembic").await;
        session.execute("BEGIN; REINDEX INDEX alembic_version_pkey").await;
        assert_locked(&watcher.round("alembic").await, &before);
    }

    async fn a_prepared_transaction_that_holds_the_lock_is_not_waited_for(major: Major) {
        let (database, session) = database_with_version_table(Cluster::shared(major)).await;
        let mut watcher = Watcher::open(&database, Role::Superuser).await;
        let before = watcher.round("alembic").await;
        session.execute(&format!("BEGIN; LOCK TABLE alembic_version; PREPARE TRANSACTION '{}'", database.name)).await;
        assert_locked(&watcher.round("alembic").await, &before);
    }

    async fn a_locked_table_that_was_never_read_has_no_revisions(major: Major) {
        let (database, session) = database_with_version_table(Cluster::shared(major)).await;
        create(&session, "other", &["b2"]).await;
        session.execute("BEGIN; LOCK TABLE alembic_version").await;
        let round = Watcher::open(&database, Role::Superuser).await.round("alembic").await;
        assert_eq!(round.number("pgwarden_alembic_version_table_locked", &PUBLIC), Some(1.0));
        assert_eq!(round.number("pgwarden_alembic_version_table_rows", &PUBLIC), None);
        assert!(!has(&round, PUBLIC, "a1"));
        assert!(has(&round, ["public", "other"], "b2"), "one locked table blanks no other");
    }

    async fn a_first_seen_time_lasts_as_long_as_the_revisions(major: Major) {
        let (database, session) = database_with_version_table(Cluster::shared(major)).await;
        let mut watcher = Watcher::open(&database, Role::Superuser).await;
        let first = first_seen(&watcher.round("alembic").await);
        assert_eq!(first_seen(&watcher.round("alembic").await).to_bits(), first.to_bits());
        session.execute("INSERT INTO alembic_version VALUES ('b2')").await;
        let round = watcher.round("alembic").await;
        assert!(has(&round, PUBLIC, "a1") && has(&round, PUBLIC, "b2"));
        assert!(first_seen(&round) > first);
        session.execute("DELETE FROM alembic_version").await;
        let round = watcher.round("alembic").await;
        assert_eq!(round.number("pgwarden_alembic_version_table_rows", &PUBLIC), Some(0.0));
        session.execute("DROP TABLE alembic_version").await;
        let round = watcher.round("alembic").await;
        assert_eq!(round.number("pgwarden_alembic_version_tables", &[]), Some(0.0));
        assert_eq!(round.number("pgwarden_alembic_version_table_rows", &PUBLIC), None);
    }

    async fn a_table_that_may_not_be_read_is_said_to_be_unreadable(major: Major) {
        let (database, session) = database_with_version_table(Cluster::shared(major)).await;
        session.execute("CREATE SCHEMA closed").await;
        for table in ["closed.granted", "granted", "column_granted", "policed"] {
            create(&session, table, &["b2"]).await;
        }
        session.execute("GRANT SELECT ON closed.granted, granted, policed TO nobody").await;
        session.execute("GRANT SELECT (version_num) ON column_granted TO nobody").await;
        session.execute("ALTER TABLE policed ENABLE ROW LEVEL SECURITY").await;
        session.execute("GRANT USAGE ON SCHEMA public TO nobody").await;
        let readable = |round: &Round, table: [&str; 2]| {
            let readable = round.number("pgwarden_alembic_version_table_readable", &table).unwrap() > 0.0;
            assert_eq!(has(round, table, "b2"), readable, "{table:?}");
            assert_eq!(round.number("pgwarden_alembic_version_table_rows", &table).is_some(), readable, "{table:?}");
            readable
        };
        let round = Watcher::open(&database, Role::Nobody).await.round("alembic").await;
        assert_eq!(round.number("pgwarden_alembic_version_tables", &[]), Some(5.0));
        assert_eq!(round.number("pgwarden_alembic_version_table_readable", &PUBLIC), Some(0.0));
        for (table, expected) in [
            (["closed", "granted"], false),
            (["public", "granted"], true),
            (["public", "column_granted"], true),
            (["public", "policed"], false),
        ] {
            assert_eq!(readable(&round, table), expected, "{table:?}");
        }
        let round = Watcher::open(&database, Role::Superuser).await.round("alembic").await;
        assert!(readable(&round, ["public", "policed"]), "policies do not bind a superuser");
    }

    async fn a_table_with_more_columns_counts_when_it_is_named(major: Major) {
        let database = Cluster::shared(major).database().await;
        let session = database.session().await;
        session.execute("CREATE SCHEMA tenant").await;
        for schema in ["public", "tenant"] {
            let columns = "note text, version_num text";
            session.execute(&format!("CREATE TABLE {schema}.versions ({columns}); INSERT INTO {schema}.versions VALUES ('n', 'a1')")).await;
        }
        let mut watcher = Watcher::open(&database, Role::Superuser).await;
        for (schema, tables) in [(None, 2.0), (Some("tenant"), 1.0), (Some("nowhere"), 0.0)] {
            let named = VersionTableName { schema: schema.map(str::to_owned), table: "versions".to_owned() };
            watcher.config.alembic.version_tables = vec![named];
            let round = watcher.round("alembic").await;
            assert_eq!(round.number("pgwarden_alembic_version_tables", &[]), Some(tables), "{schema:?}");
            assert_eq!(has(&round, ["tenant", "versions"], "a1"), tables > 0.0, "{schema:?}");
        }
    }

    async fn tables_that_come_and_go_disturb_no_round(major: Major) {
        let (database, _) = database_with_version_table(Cluster::shared(major)).await;
        let mut watcher = Watcher::open(&database, Role::Superuser).await;
        let table = "CREATE TABLE fleeting (version_num text); COMMIT; DROP TABLE fleeting; COMMIT;";
        let migrations = database.session().await.start(&table.repeat(1000));
        while !migrations.is_finished() {
            assert!(has(&watcher.round("alembic").await, PUBLIC, "a1"));
        }
        migrations.finish().await.1.unwrap();
    }

    async fn tables_beyond_the_bound_are_counted_and_have_no_series(major: Major) {
        let (database, session) = database_with_version_table(Cluster::shared(major)).await;
        create(&session, "later", &["b2"]).await;
        let mut watcher = Watcher::open(&database, Role::Superuser).await;
        watcher.config.alembic.max_tables = 1;
        let round = watcher.round("alembic").await;
        assert_eq!(round.number("pgwarden_alembic_version_tables", &[]), Some(2.0));
        assert_eq!(round.series("pgwarden_alembic_version_table_readable").len(), 1);
    }

    async fn a_table_that_nobody_can_read_blanks_no_other(major: Major) {
        let primary = Cluster::own(major, &[]);
        let standby = primary.standby(&[]);
        let session = primary.session().await;
        create(&session, "alembic_version", &["a1"]).await;
        session.execute("CREATE UNLOGGED TABLE unlogged (version_num text)").await;
        let replayed = "SELECT to_regclass('unlogged') IS NOT NULL";
        standby.session().await.wait_until_holds(replayed, PATIENCE).await;
        let round = Watcher::open_on(&standby, Role::Superuser, "postgres").await.round("alembic").await;
        assert!(has(&round, PUBLIC, "a1"));
        assert_eq!(round.number("pgwarden_alembic_version_table_readable", &["public", "unlogged"]), Some(0.0));
    }
}
