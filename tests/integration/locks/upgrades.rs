//! Upgrades that meet each other, or cannot get at their version table.

use super::{assert_stuck, stuck};
use crate::support::{Cluster, Database, Session, on_majors};

const VERSIONS: &str =
    "CREATE TABLE alembic_version (version_num text PRIMARY KEY); INSERT INTO alembic_version VALUES ('a1')";

/// A database with a version table.
async fn prepare(database: &Database<'_>) -> Session {
    let session = database.session().await;
    session.execute(VERSIONS).await;
    session
}

on_majors! {
    [pg13 = 13, pg15 = 15, pg18 = 18]

    async fn the_second_of_two_upgrades_waits_for_the_first_ones_transaction(major: Major) {
        let database = Cluster::shared(major).database().await;
        let first = prepare(&database).await;
        first.execute("BEGIN; SELECT * FROM alembic_version; CREATE TABLE users (id int)").await;
        let second = database.session().await;
        second.execute("BEGIN; SELECT * FROM alembic_version").await;
        let second = second.start_waiting("CREATE TABLE users (id int)").await;
        let migration = stuck(&database, second.pid, &[]).await;
        assert_stuck(&migration, "version_table_conflict", first.pid, "public.alembic_version");
        assert_eq!(migration["culprit_kind"], "migration");
    }

    async fn two_first_upgrades_meet_at_the_creation_of_the_version_table(major: Major) {
        let database = Cluster::shared(major).database().await;
        let first = database.session().await;
        first.execute("BEGIN; CREATE TABLE alembic_version (version_num text)").await;
        let second = database.session().await.start_waiting("CREATE TABLE alembic_version (version_num text)").await;
        let migration = stuck(&database, second.pid, &[]).await;
        assert_stuck(&migration, "version_table_conflict", first.pid, None);
        assert_eq!(migration["culprit_kind"], "migration");
    }

    async fn an_upgrade_behind_a_lock_on_the_version_row_is_stuck(major: Major) {
        let database = Cluster::shared(major).database().await;
        let holder = prepare(&database).await;
        holder.execute("BEGIN; SELECT * FROM alembic_version FOR UPDATE").await;
        let upgrade = database.session().await;
        upgrade.execute("BEGIN; SELECT * FROM alembic_version").await;
        let upgrade = upgrade.start_waiting("UPDATE alembic_version SET version_num = 'b2'").await;
        let migration = stuck(&database, upgrade.pid, &[]).await;
        assert_stuck(&migration, "version_table_conflict", holder.pid, "public.alembic_version");
    }

    async fn an_upgrade_that_cannot_read_its_version_table_is_stuck(major: Major) {
        let database = Cluster::shared(major).database().await;
        let holder = prepare(&database).await;
        holder.execute("BEGIN; LOCK TABLE alembic_version IN ACCESS EXCLUSIVE MODE").await;
        let upgrade = database.session().await.start_waiting("SELECT version_num FROM alembic_version").await;
        let migration = stuck(&database, upgrade.pid, &[]).await;
        assert_stuck(&migration, "version_table_conflict", holder.pid, "public.alembic_version");
    }

    async fn upgrades_that_take_turns_by_an_advisory_lock_are_all_kept_by_whoever_keeps_the_first(major: Major) {
        let database = Cluster::shared(major).database().await;
        let (reader, first) = (prepare(&database).await, database.session().await);
        reader.execute("CREATE TABLE users (id int)").await;
        reader.execute("BEGIN; SELECT * FROM users").await;
        first.execute("SELECT pg_advisory_lock(42)").await;
        first.execute("BEGIN; SELECT * FROM alembic_version").await;
        let first = first.start_waiting("ALTER TABLE users ADD email text").await;
        let second = database.session().await.start_waiting("SELECT pg_advisory_lock(42)").await;
        assert_stuck(&stuck(&database, first.pid, &[]).await, "lock_wait", reader.pid, "public.users");
        let migration = stuck(&database, second.pid, &[]).await;
        assert_stuck(&migration, "lock_wait", reader.pid, None);
        assert_eq!(migration["recognised_by"], serde_json::json!(["advisory_lock"]));
    }

    async fn a_table_of_a_name_just_taken_makes_a_migration_wait(major: Major) {
        let database = Cluster::shared(major).database().await;
        let first = database.session().await;
        first.execute("BEGIN; CREATE TABLE users (id int)").await;
        let second = database.session().await.start_waiting("CREATE TABLE users (id int)").await;
        let migration = stuck(&database, second.pid, &[]).await;
        assert_stuck(&migration, "lock_wait", first.pid, None);
        assert_eq!(migration["recognised_by"], serde_json::json!(["catalog"]));
    }

    async fn a_role_of_a_name_just_taken_has_its_culprit_in_another_database(major: Major) {
        let (one, other) = (Cluster::shared(major).database().await, Cluster::shared(major).database().await);
        let role = format!("role_{}", one.name);
        let first = one.session().await;
        first.execute(&format!("BEGIN; CREATE ROLE {role}")).await;
        let second = other.session().await.start_waiting(&format!("CREATE ROLE {role}")).await;
        let migration = stuck(&other, second.pid, &[]).await;
        first.execute("ROLLBACK").await;
        let session = second.finish().await.0;
        session.execute(&format!("DROP ROLE {role}")).await;
        assert_stuck(&migration, "lock_wait", first.pid, None);
        assert_eq!(migration["culprit"]["datname"], one.name.as_str());
    }

    async fn a_version_table_of_another_name_is_found_by_its_column(major: Major) {
        let database = Cluster::shared(major).database().await;
        let holder = database.session().await;
        holder.execute("CREATE SCHEMA \"tenant \"\"1\"\"\"; CREATE TABLE \"tenant \"\"1\"\"\".\"Revisions 🦀\" (version_num text)").await;
        holder.execute("BEGIN; LOCK TABLE \"tenant \"\"1\"\"\".\"Revisions 🦀\"").await;
        let upgrade = database.session().await.start_waiting("SELECT * FROM \"tenant \"\"1\"\"\".\"Revisions 🦀\"").await;
        let migration = stuck(&database, upgrade.pid, &[]).await;
        assert_stuck(&migration, "version_table_conflict", holder.pid, "\"tenant \"\"1\"\"\".\"Revisions 🦀\"");
    }
}
