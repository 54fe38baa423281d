//! Standbys: the replay that waits behind a query there, and the commit that waits for one here.

use super::{assert_stuck, locks, stuck_at};
use crate::support::{Cluster, PATIENCE, Role, Session, on_majors};

/// The pid of the replay on a standby.
async fn startup(standby: &Session) -> i32 {
    let startup = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'startup'";
    standby.query_text(startup).await.unwrap().parse().unwrap()
}

/// Commits wait for a standby that does not exist, unless they say that they do not.
const LOST_STANDBY: [(&str, &str); 1] = [("synchronous_standby_names", "ghost")];

on_majors! {
    [pg13 = 13, pg15 = 15, pg18 = 18]

    async fn replay_that_waits_behind_a_query_is_reported_on_the_standby(major: Major) {
        let primary = Cluster::own(major, &[]);
        let standby = primary.standby(&[("max_standby_streaming_delay", "-1")]);
        let session = primary.session().await;
        session.execute("CREATE TABLE users (id int)").await;
        let reader = standby.session().await;
        reader.wait_until_holds("SELECT to_regclass('users') IS NOT NULL", PATIENCE).await;
        reader.execute("BEGIN; SELECT * FROM users").await;
        let url = standby.url(Role::Superuser, "postgres");
        assert_eq!(locks(&url, &["--sample", "2s"]).await.code, 0, "a query on a standby is nothing");
        session.execute("ALTER TABLE users ADD email text").await;
        let observer = standby.session().await;
        observer.wait_until_holds("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)", PATIENCE).await;
        let startup = startup(&observer).await;
        let migration = stuck_at(&standby, Role::Superuser, "postgres", startup, &[]).await;
        assert_stuck(&migration, "replay", reader.pid, "public.users");
        assert_eq!(migration["culprit_kind"], "idle_in_transaction");
        assert_eq!(locks(&primary.url(Role::Superuser, "postgres"), &[]).await.code, 0, "the primary is fine");
    }

    async fn a_commit_that_no_synchronous_standby_confirms_is_no_progress(major: Major) {
        let cluster = Cluster::own(major, &LOST_STANDBY);
        cluster.session().await.execute("SET synchronous_commit = local; CREATE TABLE users (id int)").await;
        let alter = cluster.session().await.start("ALTER TABLE users ADD email text");
        let migration = stuck_at(&cluster, Role::Superuser, "postgres", alter.pid, &[]).await;
        assert_stuck(&migration, "no_progress", None, "public.users");
        assert_eq!(migration["culprit_kind"], "synchronous_standby");
        assert_eq!(migration["phase"], "committing");
    }

    async fn replay_of_a_cleanup_waits_for_the_snapshot_of_a_query(major: Major) {
        let primary = Cluster::own(major, &[("autovacuum", "off")]);
        let standby = primary.standby(&[("max_standby_streaming_delay", "-1")]);
        let session = primary.session().await;
        session.execute("CREATE TABLE users AS SELECT generate_series(1, 1000) AS id").await;
        let reader = standby.session().await;
        reader.wait_until_holds("SELECT to_regclass('users') IS NOT NULL", PATIENCE).await;
        reader.execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT * FROM users").await;
        session.execute("DELETE FROM users").await;
        session.execute("VACUUM users").await;
        let startup = startup(&standby.session().await).await;
        let migration = stuck_at(&standby, Role::Superuser, "postgres", startup, &[]).await;
        assert_stuck(&migration, "replay", reader.pid, None);
    }

    async fn a_migration_behind_a_commit_that_waits_for_a_standby_waits_for_the_standby(major: Major) {
        let cluster = Cluster::own(major, &LOST_STANDBY);
        cluster.session().await.execute("SET synchronous_commit = local; CREATE TABLE users (id int)").await;
        let writer = cluster.session().await;
        writer.execute("BEGIN; INSERT INTO users VALUES (1)").await;
        let writer = writer.start("COMMIT");
        let alter = cluster.session().await.start_waiting("ALTER TABLE users ADD email text").await;
        let migration = stuck_at(&cluster, Role::Superuser, "postgres", alter.pid, &[]).await;
        assert_stuck(&migration, "lock_wait", writer.pid, "public.users");
        assert_eq!(migration["culprit_kind"], "synchronous_standby");
    }
}
