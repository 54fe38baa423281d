//! Waiting for locks, and being waited for.

use super::{assert_no_migration, assert_nothing_stuck, assert_stuck, locks, migrations, of_database, stuck};
use crate::support::{Cluster, PATIENCE, Role, on_majors};

on_majors! {
    [pg13 = 13, pg15 = 15, pg18 = 18]

    async fn a_waiting_alter_table_is_reported_as_lock_wait(major: Major) {
        let database = Cluster::shared(major).database().await;
        let session = database.session().await;
        session.execute("CREATE TABLE users (id int)").await;
        session.execute("BEGIN; SELECT * FROM users").await;
        let alter = database.session().await.start_waiting("ALTER TABLE users ADD email text").await;
        let reader = database.session().await.start_waiting("SELECT * FROM users").await;
        let migration = stuck(&database, alter.pid, &[]).await;
        assert_stuck(&migration, "lock_wait", session.pid, "public.users");
        assert_eq!(migration["culprit_kind"], "idle_in_transaction");
        assert_eq!(migration["phase"], "waiting");
        assert_eq!(migration["queued"], 1);
        let report = locks(&database.url(Role::Superuser), &[]).await.json();
        let waiting = of_database(&report, "waiting", &database.name);
        let behind = waiting.iter().find(|waiter| waiter["pid"] == reader.pid).unwrap();
        assert_eq!(behind["blocked_by"], serde_json::json!([alter.pid]));
        assert_eq!(behind["root_pids"], serde_json::json!([session.pid]));
        assert_eq!((&behind["mode"], &behind["relation"]), (&"AccessShareLock".into(), &"public.users".into()));
    }

    async fn a_migration_that_waits_two_seconds_and_goes_on_is_never_stuck(major: Major) {
        let database = Cluster::shared(major).database().await;
        let session = database.session().await;
        session.execute("CREATE TABLE users (id int)").await;
        session.execute("BEGIN; SELECT * FROM users; SELECT pg_sleep(4)").await;
        let alter = database.session().await.start_waiting("ALTER TABLE users ADD email text").await;
        session.execute("SELECT pg_sleep(2)").await;
        let found = migrations(&database, &["--stuck-after", "5s"]).await;
        assert!(found.iter().all(|migration| migration["stuck"] == false), "{found:#?}");
        session.execute("COMMIT").await;
        alter.finish().await.1.unwrap();
    }

    async fn a_migration_that_gives_up_and_tries_again_is_never_stuck(major: Major) {
        let database = Cluster::shared(major).database().await;
        let session = database.session().await;
        session.execute("CREATE TABLE users (id int)").await;
        session.execute("BEGIN; SELECT * FROM users").await;
        let upgrade = database.session().await;
        upgrade.execute("SET lock_timeout = '1s'").await;
        let pid = upgrade.pid;
        let retries = tokio::spawn(async move {
            loop {
                upgrade.batch_execute("ALTER TABLE users ADD email text").await.unwrap_err();
            }
        });
        let found = migrations(&database, &["--stuck-after", "2s", "--sample", "4s"]).await;
        retries.abort();
        assert!(found.iter().all(|it| it["pid"] == pid && it["stuck"] == false), "{found:#?}");
    }

    async fn a_chain_three_deep_leads_to_its_root(major: Major) {
        let database = Cluster::shared(major).database().await;
        let root = database.session().await;
        root.execute("CREATE TABLE users (id int); INSERT INTO users VALUES (1); CREATE TABLE orders (id int)").await;
        root.execute("BEGIN; UPDATE users SET id = 2").await;
        let middle = database.session().await;
        middle.execute("BEGIN; INSERT INTO orders VALUES (1)").await;
        let middle = middle.start_waiting("UPDATE users SET id = 3").await;
        let alter = database.session().await.start_waiting("ALTER TABLE orders ADD total int").await;
        let _reader = database.session().await.start_waiting("SELECT * FROM orders").await;
        let migration = stuck(&database, alter.pid, &[]).await;
        assert_stuck(&migration, "lock_wait", root.pid, "public.orders");
        let report = locks(&database.url(Role::Superuser), &[]).await.json();
        let waiting = of_database(&report, "waiting", &database.name);
        assert_eq!(waiting.len(), 3, "{waiting:#?}");
        assert!(waiting.iter().all(|waiter| waiter["root_pids"] == serde_json::json!([root.pid])), "{waiting:#?}");
        let direct = waiting.iter().find(|waiter| waiter["pid"] == alter.pid).unwrap();
        assert_eq!(direct["blocked_by"], serde_json::json!([middle.pid]));
    }

    async fn several_migrations_in_several_databases_are_all_named(major: Major) {
        let (one, other) = (Cluster::shared(major).database().await, Cluster::shared(major).database().await);
        let mut kept = Vec::new();
        let mut expected = Vec::new();
        for (database, table) in [(&one, "users"), (&other, "orders"), (&other, "items")] {
            let session = database.session().await;
            session.execute(&format!("CREATE TABLE {table} (id int)")).await;
            session.execute(&format!("BEGIN; SELECT * FROM {table}")).await;
            let alter = database.session().await.start_waiting(&format!("ALTER TABLE {table} ADD x int")).await;
            expected.push((alter.pid, session.pid, format!("public.{table}"), database.name.clone()));
            kept.push((session, alter));
        }
        for (pid, culprit, relation, datname) in expected {
            let migration = stuck(&one, pid, &[]).await;
            assert_eq!((&migration["culprit_pid"], &migration["datname"]), (&culprit.into(), &datname.into()));
            assert_eq!(migration["relation"], relation, "named although another database was given");
        }
    }

    async fn an_abandoned_migration_is_its_own_culprit(major: Major) {
        let database = Cluster::shared(major).database().await;
        let session = database.session().await;
        session.execute("CREATE TABLE users (id int)").await;
        session.execute("BEGIN; ALTER TABLE users ADD email text").await;
        let migration = stuck(&database, session.pid, &[]).await;
        assert_stuck(&migration, "abandoned", session.pid, "public.users");
        assert_eq!(migration["phase"], "idle in transaction");
    }

    async fn an_error_after_a_savepoint_leaves_the_locks_from_before_it(major: Major) {
        let database = Cluster::shared(major).database().await;
        let session = database.session().await;
        session.execute("CREATE TABLE users (id int)").await;
        session.execute("BEGIN; ALTER TABLE users ADD email text; SAVEPOINT here").await;
        session.batch_execute("SELECT 1 / 0").await.unwrap_err();
        let migration = stuck(&database, session.pid, &[]).await;
        assert_stuck(&migration, "abandoned", session.pid, "public.users");
        assert_eq!(migration["phase"], "idle in transaction (aborted)");
    }

    async fn an_error_without_a_savepoint_leaves_no_lock_and_no_migration(major: Major) {
        let database = Cluster::shared(major).database().await;
        let session = database.session().await;
        session.execute("CREATE TABLE users (id int)").await;
        session.execute("BEGIN; ALTER TABLE users ADD email text").await;
        session.batch_execute("SELECT 1 / 0").await.unwrap_err();
        assert_no_migration(&database).await;
    }

    async fn a_prepared_transaction_in_the_way_is_named_by_its_identifier(major: Major) {
        let database = Cluster::shared(major).database().await;
        let session = database.session().await;
        session.execute("CREATE TABLE users (id int)").await;
        let gid = format!("order-{}", database.name);
        session.execute("BEGIN; INSERT INTO users VALUES (1)").await;
        session.execute(&format!("PREPARE TRANSACTION '{gid}'")).await;
        let alter = database.session().await.start_waiting("ALTER TABLE users ADD email text").await;
        let migration = stuck(&database, alter.pid, &[]).await;
        assert_stuck(&migration, "prepared_transaction", None, "public.users");
        assert_eq!(migration["culprit"]["gid"], gid);
    }

    async fn an_advisory_lock_kept_by_an_idle_session_stops_an_upgrade(major: Major) {
        let database = Cluster::shared(major).database().await;
        let holder = database.session().await;
        holder.execute("CREATE TABLE alembic_version (version_num text)").await;
        holder.execute("SELECT pg_advisory_lock(42)").await;
        let upgrade = database.session().await;
        upgrade.execute("BEGIN; SELECT * FROM alembic_version").await;
        let upgrade = upgrade.start_waiting("SELECT pg_advisory_xact_lock(42)").await;
        let migration = stuck(&database, upgrade.pid, &[]).await;
        assert_eq!((&migration["kind"], &migration["culprit_pid"]), (&"lock_wait".into(), &holder.pid.into()));
        assert_eq!(migration["culprit_kind"], "idle_session");
    }

    async fn an_alter_type_waits_for_an_object(major: Major) {
        let database = Cluster::shared(major).database().await;
        let first = database.session().await;
        first.execute("CREATE TYPE mood AS ENUM ('good')").await;
        first.execute("BEGIN; ALTER TYPE mood RENAME VALUE 'good' TO 'fine'").await;
        let second = database.session().await.start_waiting("ALTER TYPE mood ADD VALUE 'bad'").await;
        let migration = stuck(&database, second.pid, &[]).await;
        assert_stuck(&migration, "lock_wait", first.pid, None);
        assert_eq!(migration["awaits"]["locktype"], "object");
    }

    async fn a_deadlock_in_the_making_has_a_culprit_too(major: Major) {
        let database = Cluster::shared(major).database().await;
        let setup = database.session().await;
        setup.execute("CREATE TABLE users (id int); CREATE TABLE orders (id int)").await;
        let (one, other) = (database.session().await, database.session().await);
        for (session, table) in [(&one, "users"), (&other, "orders")] {
            session.execute("SET deadlock_timeout = '1min'").await;
            session.execute(&format!("BEGIN; ALTER TABLE {table} ADD x int")).await;
        }
        let one = one.start_waiting("ALTER TABLE orders ADD y int").await;
        let other = other.start_waiting("ALTER TABLE users ADD y int").await;
        assert_stuck(&stuck(&database, one.pid, &[]).await, "lock_wait", other.pid, "public.orders");
        assert_stuck(&stuck(&database, other.pid, &[]).await, "lock_wait", one.pid, "public.users");
    }

    async fn parallel_workers_are_counted_with_their_leader(major: Major) {
        let database = Cluster::shared(major).database().await;
        let setup = database.session().await;
        setup.execute("CREATE TABLE users AS SELECT generate_series(1, 1000) AS id; ANALYZE users").await;
        setup.execute(
            "CREATE FUNCTION slow(int) RETURNS int LANGUAGE sql PARALLEL SAFE COST 100000 VOLATILE
             AS 'SELECT $1 FROM pg_sleep(0.1)'",
        ).await;
        let query = database.session().await;
        query.execute(
            "SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0;
             SET max_parallel_workers_per_gather = 2",
        ).await;
        let query = query.start("SELECT count(slow(id)) FROM users");
        let parallel = format!("SELECT count(*) > 0 FROM pg_stat_activity WHERE leader_pid = {} AND pid <> leader_pid", query.pid);
        setup.wait_until_holds(&parallel, PATIENCE).await;
        let alter = database.session().await.start_waiting("ALTER TABLE users ADD email text").await;
        assert_stuck(&stuck(&database, alter.pid, &[]).await, "lock_wait", query.pid, "public.users");
        let report = locks(&database.url(Role::Superuser), &[]).await.json();
        let waiting = of_database(&report, "waiting", &database.name);
        assert_eq!(waiting[0]["blocked_by"], serde_json::json!([query.pid]));
    }

    async fn row_locks_alone_make_nobody_a_migration(major: Major) {
        let database = Cluster::shared(major).database().await;
        let holder = database.session().await;
        holder.execute("CREATE TABLE users (id int); INSERT INTO users VALUES (1)").await;
        holder.execute("BEGIN; UPDATE users SET id = 2").await;
        let _waiter = database.session().await.start_waiting("UPDATE users SET id = 3").await;
        assert!(assert_nothing_stuck(&database).await.is_empty());
    }
}
