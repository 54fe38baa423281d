//! Autovacuum in the way.

use super::stuck_at;
use crate::support::{Cluster, PATIENCE, Pgwarden, Role, on_majors};

on_majors! {
    [pg13 = 13, pg15 = 15, pg18 = 18]

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
        let migration = stuck_at(&cluster, Role::Superuser, "postgres", alter.pid, &[]).await;
        assert_eq!((&migration["kind"], &migration["culprit_kind"]), (&"autovacuum".into(), &"autovacuum".into()));
        let arguments = ["unblock", "--database", &cluster.url(Role::Superuser, "postgres"), "--yes"];
        let pid = migration["culprit_pid"].to_string();
        let refused = Pgwarden::new(arguments.iter().chain([&&*pid])).run().await;
        assert!(refused.code == 2 && refused.stderr.contains("--force"), "{refused:?}");
    }
}
