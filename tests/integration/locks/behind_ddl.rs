//! Migrations that meet other migrations, and work that takes the same locks.

use super::{assert_nothing_stuck, assert_stuck, migrations, stuck};
use crate::support::{Cluster, PATIENCE, on_majors};

on_majors! {
    [pg13 = 13, pg15 = 15, pg18 = 18]

    async fn a_chain_leads_through_a_concurrent_build_to_the_transaction_that_it_waits_for(major: Major) {
        let database = Cluster::shared(major).database().await;
        let reader = database.session().await;
        reader.execute("CREATE TABLE users (id int, email text)").await;
        reader.execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1 FROM users").await;
        let start = async |statement| database.session().await.start_waiting(statement).await;
        let first = start("CREATE INDEX CONCURRENTLY users_id ON users (id)").await;
        let second = start("CREATE INDEX CONCURRENTLY users_email ON users (email)").await;
        assert_stuck(&stuck(&database, first.pid, &[]).await, "concurrent_index_wait", reader.pid, "public.users");
        assert_stuck(&stuck(&database, second.pid, &[]).await, "lock_wait", reader.pid, "public.users");
    }

    async fn a_foreign_key_waits_for_the_table_that_it_refers_to(major: Major) {
        let database = Cluster::shared(major).database().await;
        let writer = database.session().await;
        writer.execute("CREATE TABLE users (id int PRIMARY KEY); CREATE TABLE orders (user_id int)").await;
        writer.execute("BEGIN; INSERT INTO users VALUES (1)").await;
        let alter = "ALTER TABLE orders ADD FOREIGN KEY (user_id) REFERENCES users";
        let alter = database.session().await.start_waiting(alter).await;
        assert_stuck(&stuck(&database, alter.pid, &[]).await, "lock_wait", writer.pid, "public.users");
    }

    async fn a_plain_index_build_waits_for_a_writer(major: Major) {
        let database = Cluster::shared(major).database().await;
        let writer = database.session().await;
        writer.execute("CREATE TABLE users (id int)").await;
        writer.execute("BEGIN; INSERT INTO users VALUES (1)").await;
        let build = database.session().await.start_waiting("CREATE INDEX users_id ON users (id)").await;
        let migration = stuck(&database, build.pid, &[]).await;
        assert_stuck(&migration, "lock_wait", writer.pid, "public.users");
        assert_eq!(migration["awaits"]["mode"], "ShareLock");
    }

    async fn a_migration_behind_one_that_runs_names_it_and_leaves_it_alone(major: Major) {
        let database = Cluster::shared(major).database().await;
        let first = database.session().await;
        first.execute("CREATE TABLE users (id int)").await;
        first.execute("BEGIN; ALTER TABLE users ADD email text").await;
        let first = first.start("SELECT pg_sleep(60)");
        let second = database.session().await.start_waiting("ALTER TABLE users ADD phone text").await;
        let migration = stuck(&database, second.pid, &[]).await;
        assert_stuck(&migration, "lock_wait", first.pid, "public.users");
        assert_eq!(migration["culprit_kind"], "migration");
        let others = migrations(&database, &[]).await;
        let first = others.iter().find(|it| it["pid"] == first.pid).unwrap();
        assert_eq!((&first["stuck"], &first["queued"]), (&false.into(), &1.into()), "{first:#}");
    }

    async fn a_migration_behind_a_vacuum_has_a_statement_in_its_way(major: Major) {
        let database = Cluster::shared(major).database().await;
        let session = database.session().await;
        session.execute("CREATE TABLE users AS SELECT generate_series(1, 200000) AS id; DELETE FROM users").await;
        let vacuum = database.session().await;
        vacuum.execute("SET vacuum_cost_delay = 100; SET vacuum_cost_limit = 1").await;
        let vacuum = vacuum.start("/* nightly */ VACUUM users");
        let running = format!("SELECT EXISTS (SELECT FROM pg_stat_progress_vacuum WHERE pid = {})", vacuum.pid);
        session.wait_until_holds(&running, PATIENCE).await;
        let alter = database.session().await.start_waiting("ALTER TABLE users ADD email text").await;
        let migration = stuck(&database, alter.pid, &[]).await;
        assert_stuck(&migration, "lock_wait", vacuum.pid, "public.users");
        assert_eq!(migration["culprit_kind"], "active_query");
    }

    async fn a_vacuum_full_that_waits_is_a_migration(major: Major) {
        let database = Cluster::shared(major).database().await;
        let reader = database.session().await;
        reader.execute("CREATE TABLE users (id int)").await;
        reader.execute("BEGIN; SELECT * FROM users").await;
        let vacuum = database.session().await.start_waiting("VACUUM (FULL) users").await;
        assert_stuck(&stuck(&database, vacuum.pid, &[]).await, "lock_wait", reader.pid, "public.users");
    }

    async fn an_upgrade_that_was_left_after_its_first_table_is_abandoned(major: Major) {
        let database = Cluster::shared(major).database().await;
        let upgrade = database.session().await;
        upgrade.execute("CREATE TABLE alembic_version (version_num text)").await;
        upgrade.execute("BEGIN; SELECT * FROM alembic_version; CREATE TABLE users (id int)").await;
        upgrade.execute("INSERT INTO alembic_version VALUES ('a1')").await;
        assert_stuck(&stuck(&database, upgrade.pid, &[]).await, "abandoned", upgrade.pid, "public.alembic_version");
    }

    async fn a_validation_that_was_left_open_is_abandoned_once_somebody_waits(major: Major) {
        let database = Cluster::shared(major).database().await;
        let validation = database.session().await;
        validation.execute("CREATE TABLE users (id int); ALTER TABLE users ADD CONSTRAINT positive CHECK (id > 0) NOT VALID").await;
        validation.execute("BEGIN; ALTER TABLE users VALIDATE CONSTRAINT positive").await;
        assert_nothing_stuck(&database).await;
        let _build = database.session().await.start_waiting("CREATE INDEX CONCURRENTLY users_id ON users (id)").await;
        assert_stuck(&stuck(&database, validation.pid, &[]).await, "abandoned", validation.pid, "public.users");
    }

    async fn an_upgrade_that_was_left_with_changed_rows_is_abandoned_once_somebody_waits(major: Major) {
        let database = Cluster::shared(major).database().await;
        let upgrade = database.session().await;
        upgrade.execute("CREATE TABLE alembic_version AS SELECT 'a1' AS version_num; CREATE TABLE users AS SELECT 1 AS id").await;
        upgrade.execute("BEGIN; UPDATE users SET id = 2; UPDATE alembic_version SET version_num = 'b2'").await;
        assert_nothing_stuck(&database).await;
        let _writer = database.session().await.start_waiting("UPDATE users SET id = 3").await;
        let migration = stuck(&database, upgrade.pid, &[]).await;
        assert_stuck(&migration, "abandoned", upgrade.pid, "public.alembic_version");
        assert_eq!(migration["queued"], 1);
    }
}

on_majors! {
    [pg15 = 15, pg18 = 18]

    async fn a_copy_whose_client_sends_nothing_makes_no_progress(major: Major) {
        let database = Cluster::shared(major).database().await;
        let upgrade = database.session().await;
        upgrade.execute("CREATE TABLE users (id int)").await;
        upgrade.execute("BEGIN; ALTER TABLE users ADD email text").await;
        let _client = upgrade.copy_in::<_, &[u8]>("COPY users FROM STDIN").await.unwrap();
        let migration = stuck(&database, upgrade.pid, &["--sample", "2s"]).await;
        assert_stuck(&migration, "no_progress", upgrade.pid, "public.users");
    }
}
