//! What holds a migration up from outside its database: standbys, autovacuum.

use super::{assert_stuck, locks, stuck_at};
use crate::support::{Cluster, PATIENCE, Role, on_majors};

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
        let startup = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'startup'";
        observer.wait_until_holds("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)", PATIENCE).await;
        let startup: i32 = observer.query_text(startup).await.unwrap().parse().unwrap();
        let migration = stuck_at(&url, startup, &[]).await;
        assert_stuck(&migration, "replay", reader.pid, "public.users");
        assert_eq!(migration["culprit_kind"], "idle_in_transaction");
        assert_eq!(locks(&primary.url(Role::Superuser, "postgres"), &[]).await.code, 0, "the primary is fine");
    }

    async fn a_commit_that_no_synchronous_standby_confirms_is_no_progress(major: Major) {
        let cluster = Cluster::own(major, &[]);
        let session = cluster.session().await;
        session.execute("CREATE TABLE users (id int)").await;
        cluster.set("synchronous_standby_names", "ghost");
        cluster.reload();
        session.wait_until_holds("SELECT current_setting('synchronous_standby_names') = 'ghost'", PATIENCE).await;
        let alter = cluster.session().await.start("ALTER TABLE users ADD email text");
        let migration = stuck_at(&cluster.url(Role::Superuser, "postgres"), alter.pid, &[]).await;
        assert_stuck(&migration, "no_progress", None, "public.users");
        assert_eq!(migration["culprit_kind"], "synchronous_standby");
        assert_eq!(migration["phase"], "committing");
    }

    async fn an_autovacuum_against_wraparound_does_not_yield(major: Major) {
        let settings = [("autovacuum_naptime", "1s"), ("autovacuum_freeze_max_age", "100000")];
        let cluster = Cluster::own(major, &settings);
        let session = cluster.session().await;
        session
            .execute(
                "CREATE TABLE users (id int) WITH (autovacuum_enabled = false, autovacuum_vacuum_cost_delay = 100,
                                                   autovacuum_vacuum_cost_limit = 1);
                 INSERT INTO users SELECT generate_series(1, 200000)",
            )
            .await;
        session
            .execute(
                "CREATE TABLE burn (id int);
                 DO 'BEGIN FOR i IN 1..110000 LOOP BEGIN INSERT INTO burn VALUES (i); EXCEPTION WHEN others THEN NULL; END; END LOOP; END'",
            )
            .await;
        let at_work = "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'autovacuum worker'
                        AND query LIKE '%users (to prevent wraparound)')";
        session.wait_until_holds(at_work, PATIENCE).await;
        let alter = cluster.session().await.start_waiting("ALTER TABLE users ADD email text").await;
        let migration = stuck_at(&cluster.url(Role::Superuser, "postgres"), alter.pid, &["--stuck-after", "2s"]).await;
        assert_eq!((&migration["kind"], &migration["culprit_kind"]), (&"autovacuum".into(), &"autovacuum".into()));
    }
}
