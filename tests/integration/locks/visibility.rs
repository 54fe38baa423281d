//! What a role without privileges sees, and that it says what it does not see.

use super::{assert_stuck, locks, of_database, stuck_at};
use crate::support::{Cluster, Pgwarden, Role, on_majors};

on_majors! {
    [pg13 = 13, pg15 = 15, pg18 = 18]

    async fn a_monitor_sees_everything(major: Major) {
        let database = Cluster::shared(major).database().await;
        let session = database.session().await;
        session.execute("CREATE SCHEMA closed; CREATE TABLE closed.users (id int)").await;
        session.execute("BEGIN; ALTER TABLE closed.users ADD email text").await;
        let migration = stuck_at(database.cluster, Role::Monitor, &database.name, session.pid, &[]).await;
        assert_stuck(&migration, "abandoned", session.pid, "closed.users");
        let report = locks(&database.url(Role::Monitor), &[]).await.json();
        assert_eq!(report["visibility"]["hidden_sessions"], 0);
    }

    async fn without_privileges_silence_is_not_health(major: Major) {
        let database = Cluster::shared(major).database().await;
        let session = database.session().await;
        session.execute("CREATE TABLE users (id int)").await;
        session.execute("BEGIN; ALTER TABLE users ADD email text").await;
        let output = locks(&database.url(Role::Nobody), &["--stuck-after", "10min"]).await;
        assert_eq!(output.code, 2, "{output:?}");
        let report = output.json();
        assert_eq!(report["visibility"]["complete"], false);
        assert!(report["visibility"]["hidden_sessions"].as_u64().unwrap() > 0);
        let migrations = of_database(&report, "migrations", &database.name);
        assert_eq!((migrations.len(), &migrations[0]["pid"]), (1, &session.pid.into()), "{migrations:#?}");
        let human = Pgwarden::new(["locks", "--database", &database.url(Role::Nobody)]).run().await;
        assert!(human.stdout.contains("GRANT pg_monitor"), "{human:?}");
    }
}

on_majors! {
    [pg15 = 15, pg18 = 18]

    async fn without_privileges_a_wait_is_still_seen(major: Major) {
        let database = Cluster::shared(major).database().await;
        let session = database.session().await;
        session.execute("CREATE TABLE users (id int)").await;
        session.execute("BEGIN; SELECT * FROM users").await;
        let alter = database.session().await.start_waiting("ALTER TABLE users ADD email text").await;
        let migration = stuck_at(database.cluster, Role::Nobody, &database.name, alter.pid, &[]).await;
        assert_stuck(&migration, "lock_wait", session.pid, "public.users");
        assert_eq!(migration["culprit_kind"], "hidden");
    }
}
