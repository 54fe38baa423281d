//! The collectors `migrations` and `debris`.

use std::time::Duration;

use crate::support::{Background, Cluster, Database, Exporter, PATIENCE, Role, Session, Watcher, on_majors, wait_for};

/// A watcher that takes waits of a second for stuck ones.
async fn watcher(database: &Database<'_>, role: Role) -> Watcher {
    let mut watcher = Watcher::open(database, role).await;
    watcher.config.migrations.stuck_after = Duration::from_secs(1);
    watcher
}

/// An open transaction and a migration that waits for it.
async fn blocked(database: &Database<'_>) -> (Session, Background) {
    let session = database.session().await;
    session.execute("CREATE TABLE users (id int); SET application_name = 'shop'").await;
    session.execute("BEGIN; INSERT INTO users VALUES (1)").await;
    let alter = database.session().await.start_waiting("ALTER TABLE users ADD email text").await;
    (session, alter)
}

/// The relation under which a stuck migration is reported first.
async fn first_relation(watcher: &mut Watcher, pid: i32) -> String {
    wait_for(&format!("{pid} is stuck"), PATIENCE, async || {
        let infos = watcher.round("migrations").await.series("pgwarden_stuck_migration_info");
        let info = infos.into_iter().find(|info| *info.labels[1] == pid.to_string())?;
        Some(format!("{}.{}", info.labels[3], info.labels[4]))
    })
    .await
}

on_majors! {
    [pg13 = 13, pg15 = 15, pg18 = 18]

    async fn every_kind_is_zero_where_nothing_is_stuck(major: Major) {
        let database = Cluster::shared(major).database().await;
        let round = watcher(&database, Role::Monitor).await.round("migrations").await;
        let kinds = [
            "lock_wait", "abandoned", "concurrent_index_wait", "version_table_conflict", "prepared_transaction",
            "autovacuum", "replay", "no_progress",
        ];
        for kind in kinds {
            assert_eq!(round.number("pgwarden_migrations_stuck", &[&database.name, kind]), Some(0.0), "{kind}");
        }
        assert_eq!(round.number("pgwarden_migrations_in_flight", &[&database.name]), Some(0.0));
    }

    async fn a_stuck_migration_is_counted_and_described(major: Major) {
        let database = Cluster::shared(major).database().await;
        let (session, alter) = blocked(&database).await;
        let _reader = database.session().await.start_waiting("SELECT * FROM users").await;
        let (datname, pid, culprit) = (database.name.as_str(), alter.pid.to_string(), session.pid.to_string());
        let mut watcher = watcher(&database, Role::Monitor).await;
        let round = wait_for("the migration is stuck", PATIENCE, async || {
            let round = watcher.round("migrations").await;
            (round.number("pgwarden_migrations_stuck", &[datname, "lock_wait"]) == Some(1.0)).then_some(round)
        })
        .await;
        let info = [
            datname, &pid, "lock_wait", "public", "users", "postgres", "", &culprit, "idle_in_transaction", datname,
            "postgres", "shop", "idle in transaction", "127.0.0.1",
        ];
        assert_eq!(round.number("pgwarden_stuck_migration_info", &info), Some(1.0));
        assert_eq!(round.number("pgwarden_stuck_migration_queued_sessions", &[datname, &pid]), Some(1.0));
        assert_eq!(round.number("pgwarden_migration_queued_sessions", &[datname]), Some(1.0));
        assert!(round.number("pgwarden_stuck_migration_wait_seconds", &[datname, &pid]).unwrap() >= 0.9);
        assert!(round.number("pgwarden_migration_lock_wait_oldest_seconds", &[datname]).unwrap() >= 0.9);
        assert!(round.number("pgwarden_stuck_migration_culprit_transaction_seconds", &[datname, &pid]).unwrap() >= 0.9);
        session.execute("COMMIT").await;
        alter.finish().await.1.unwrap();
        let after = watcher.round("migrations").await;
        assert_eq!(after.number("pgwarden_migrations_stuck", &[datname, "lock_wait"]), Some(0.0));
        assert!(after.observations("pgwarden_lock_wait_seconds") >= 2, "the waits of the migration and of the reader");
    }

    async fn a_table_that_was_not_committed_at_the_last_look_has_its_name_from_the_first_report_on(major: Major) {
        // From home, and from another database.
        let (home, other) = (Cluster::shared(major).database().await, Cluster::shared(major).database().await);
        let mut watcher = watcher(&home, Role::Monitor).await;
        for database in [&home, &other] {
            let session = database.session().await;
            session.execute("BEGIN; CREATE TABLE users (id int)").await;
            watcher.round("migrations").await;
            session.execute("COMMIT; BEGIN; SELECT * FROM users").await;
            let alter = database.session().await.start_waiting("ALTER TABLE users ADD email text").await;
            assert_eq!(first_relation(&mut watcher, alter.pid).await, "public.users");
        }
    }

    async fn a_migration_that_was_left_with_a_new_table_is_reported_at_once(major: Major) {
        let database = Cluster::shared(major).database().await;
        let mut watcher = watcher(&database, Role::Monitor).await;
        let (session, upgrade) = (database.session().await, database.session().await);
        session.execute("BEGIN; CREATE TABLE users (id int)").await;
        upgrade.execute("BEGIN; SELECT 1").await;
        watcher.round("migrations").await;
        session.execute("COMMIT").await;
        upgrade.execute("ALTER TABLE users ADD email text").await;
        let start = std::time::Instant::now();
        assert_eq!(first_relation(&mut watcher, upgrade.pid).await, "public.users");
        assert!(start.elapsed() < Duration::from_secs(8), "{:?}", start.elapsed());
    }

    async fn an_upgrade_by_a_new_version_table_is_recognised(major: Major) {
        let database = Cluster::shared(major).database().await;
        let mut watcher = watcher(&database, Role::Monitor).await;
        let holder = database.session().await;
        holder.execute("CREATE TABLE users (id int); SELECT pg_advisory_lock(42)").await;
        holder.execute("BEGIN; SELECT * FROM users").await;
        watcher.round("migrations").await;
        let upgrade = database.session().await;
        upgrade.execute("CREATE TABLE alembic_version (version_num text)").await;
        upgrade.execute("BEGIN; SELECT * FROM alembic_version").await;
        let upgrade = upgrade.start_waiting("SELECT pg_advisory_xact_lock(42)").await;
        assert_eq!(first_relation(&mut watcher, upgrade.pid).await, "public.alembic_version");
    }

    async fn a_database_that_lets_nobody_in_hides_nothing_of_the_others(major: Major) {
        let cluster = Cluster::own(major, &[]);
        let (one, other) = (cluster.database().await, cluster.database().await);
        let locked = one.session().await;
        let mut watcher = watcher(&other, Role::Monitor).await;
        // A test that fails must not keep its database from being dropped.
        locked.execute("SET idle_in_transaction_session_timeout = '20s'").await;
        locked.execute("BEGIN; LOCK TABLE pg_class IN ACCESS EXCLUSIVE MODE").await;
        let (_session, _alter) = blocked(&other).await;
        let labels = [other.name.as_str(), "lock_wait"];
        let round = wait_for("the migration is stuck", PATIENCE, async || {
            let round = watcher.round("migrations").await;
            (round.number("pgwarden_migrations_stuck", &labels) == Some(1.0)).then_some(round)
        })
        .await;
        assert!(round.number("pgwarden_migration_unseen_databases", &[]).unwrap() >= 1.0);
        assert_eq!(round.number("pgwarden_migrations_stuck", &[&one.name, "lock_wait"]), None, "nobody can tell");
        locked.execute("ROLLBACK").await;
    }

    async fn a_role_that_sees_too_little_claims_no_zeros(major: Major) {
        let database = Cluster::shared(major).database().await;
        let _session = database.session().await;
        let round = watcher(&database, Role::Nobody).await.round("migrations").await;
        assert!(round.number("pgwarden_migration_hidden_sessions", &[]).unwrap() >= 1.0);
        assert_eq!(round.number("pgwarden_migrations_stuck", &[&database.name, "abandoned"]), None);
    }

    async fn the_progress_of_an_index_build_is_counted(major: Major) {
        let database = Cluster::shared(major).database().await;
        let session = database.session().await;
        session.execute("CREATE TABLE users AS SELECT generate_series(1, 1000) AS id").await;
        session.execute(
            "CREATE FUNCTION slow(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN PERFORM pg_sleep(60); RETURN $1; END'",
        ).await;
        let build = database.session().await.start("CREATE INDEX users_slow ON users (slow(id))");
        let phase = "building index: scanning table";
        let scans = format!("SELECT EXISTS (SELECT FROM pg_stat_progress_create_index WHERE pid = {} AND phase = '{phase}')", build.pid);
        session.wait_until_holds(&scans, PATIENCE).await;
        let round = watcher(&database, Role::Monitor).await.round("migrations").await;
        let labels = [&*database.name, &build.pid.to_string(), "public", "users", phase];
        let blocks = session.query_text("SELECT pg_relation_size('users') / 8192").await.unwrap().parse().unwrap();
        assert_eq!(round.number("pgwarden_index_build_expected_blocks", &labels), Some(blocks));
        assert_eq!(round.number("pgwarden_index_build_expected_tuples", &labels), Some(0.0));
    }

    async fn what_failed_migrations_leave_behind_is_found(major: Major) {
        let database = Cluster::shared(major).database().await;
        let session = database.session().await;
        session.execute("CREATE TABLE users (id int); INSERT INTO users VALUES (1), (1)").await;
        session.batch_execute("CREATE UNIQUE INDEX CONCURRENTLY users_id ON users (id)").await.unwrap_err();
        session.execute("ALTER TABLE users ADD CONSTRAINT positive CHECK (id > 0) NOT VALID").await;
        session.execute("CREATE TABLE parts (id int) PARTITION BY LIST (id); CREATE INDEX parts_id ON ONLY parts (id)").await;
        session.execute("CREATE TABLE part PARTITION OF parts FOR VALUES IN (1); DROP INDEX parts_id; CREATE INDEX parts_id ON ONLY parts (id)").await;
        let mut watcher = watcher(&database, Role::Nobody).await;
        let round = watcher.round("debris").await;
        assert_eq!(round.number("pgwarden_invalid_indexes", &[]), Some(1.0), "the partitioned one is legitimate");
        assert_eq!(round.number("pgwarden_unvalidated_constraints", &[]), Some(1.0));
        let since = round.number("pgwarden_invalid_index_first_seen_timestamp_seconds", &["public", "users", "users_id"]);
        assert!(since.is_some());
        assert!(round.number("pgwarden_unvalidated_constraint_first_seen_timestamp_seconds", &["public", "users", "positive"]).is_some());
        session.batch_execute("REINDEX INDEX CONCURRENTLY users_id").await.unwrap_err();
        // Whether a failed rebuild leaves its new index behind is the server's business; what it leaves is counted. The
        // session answers when it has done with the rebuild, whose error comes before that.
        let left = session.query_text("SELECT count(*) FROM pg_class WHERE relname ~ '^users_id_ccnew'").await.unwrap();
        let again = watcher.round("debris").await;
        assert_eq!(again.number("pgwarden_leftover_indexes", &[]), Some(left.parse().unwrap()));
        assert_eq!(again.number("pgwarden_invalid_index_first_seen_timestamp_seconds", &["public", "users", "users_id"]), since);
        session.execute("DROP INDEX users_id; DROP INDEX IF EXISTS users_id_ccnew; ALTER TABLE users VALIDATE CONSTRAINT positive").await;
        let after = watcher.round("debris").await;
        let left = ["pgwarden_invalid_indexes", "pgwarden_leftover_indexes", "pgwarden_unvalidated_constraints"];
        assert_eq!(left.map(|metric| after.number(metric, &[])), [Some(0.0); 3]);
    }

    async fn an_index_that_is_being_built_is_no_debris(major: Major) {
        let database = Cluster::shared(major).database().await;
        let session = database.session().await;
        session.execute("CREATE TABLE users (id int)").await;
        session.execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT * FROM users").await;
        let _build = database.session().await.start_waiting("CREATE INDEX CONCURRENTLY users_id ON users (id)").await;
        for role in [Role::Monitor, Role::Nobody] {
            let round = watcher(&database, role).await.round("debris").await;
            assert_eq!(round.number("pgwarden_invalid_indexes", &[]), Some(0.0), "{role:?}");
        }
    }
}

on_majors! {
    [pg14 = 14, pg18 = 18]

    async fn a_partition_that_is_let_go_of_has_its_name_from_the_first_report_on(major: Major) {
        let database = Cluster::shared(major).database().await;
        let mut watcher = watcher(&database, Role::Monitor).await;
        let reader = database.session().await;
        reader.execute("CREATE TABLE events (id int) PARTITION BY LIST (id); CREATE TABLE events_1 PARTITION OF events FOR VALUES IN (1)").await;
        reader.execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT * FROM events").await;
        watcher.round("migrations").await;
        let detach = "ALTER TABLE events DETACH PARTITION events_1 CONCURRENTLY";
        let detach = database.session().await.start_waiting(detach).await;
        assert_eq!(first_relation(&mut watcher, detach.pid).await, "public.events_1");
    }
}

on_majors! {
    [pg13 = 13, pg18 = 18]

    async fn a_running_exporter_reports_within_two_intervals(major: Major) {
        let (one, other) = (Cluster::shared(major).database().await, Cluster::shared(major).database().await);
        let config = format!(
            "[migrations]\nstuck_after = \"2s\"\n[collectors.migrations]\ninterval = \"2s\"\n\
             [[targets]]\nname = \"it\"\nconnection = \"{}\"\ndatabases = [\"{}\", \"{}\"]\n",
            one.url(Role::Monitor), one.name, other.name
        );
        let exporter = Exporter::start(&config).await;
        let (_session, _alter) = blocked(&other).await;
        let start = std::time::Instant::now();
        wait_for("the migration of the other database is stuck", PATIENCE, async || {
            let metrics = exporter.metrics().await;
            let labels = [("target", "it"), ("datname", &*other.name), ("kind", "lock_wait")];
            (metrics.value("pgwarden_migrations_stuck", &labels) == Some(1.0)).then_some(())
        })
        .await;
        assert!(start.elapsed() < Duration::from_secs(7), "stuck after 2 s, two intervals of 2 s: {:?}", start.elapsed());
    }
}
