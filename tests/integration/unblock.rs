//! `pgwarden unblock`: ends what it was told to end, and nothing else.

use crate::support::{Background, Cluster, Database, Output, PATIENCE, Pgwarden, Role, Session, on_majors};

async fn unblock(database: &Database<'_>, pid: i32, arguments: &[&str]) -> Output {
    let (url, pid) = (database.url(Role::Superuser), pid.to_string());
    Pgwarden::new(["unblock", "--database", &url, &pid].iter().chain(arguments)).run().await
}

/// A session that left its transaction open, and a migration behind it.
async fn blocked(database: &Database<'_>) -> (Session, Background) {
    let session = database.session().await;
    session.execute("CREATE TABLE users (id int)").await;
    session.execute("BEGIN; INSERT INTO users VALUES (1)").await;
    let alter = database.session().await.start_waiting("ALTER TABLE users ADD email text").await;
    (session, alter)
}

on_majors! {
    [pg13 = 13, pg15 = 15, pg18 = 18]

    async fn a_session_is_shown_and_left_alone_until_somebody_agrees(major: Major) {
        let database = Cluster::shared(major).database().await;
        let (session, alter) = blocked(&database).await;
        let output = unblock(&database, session.pid, &["--terminate"]).await;
        assert_eq!(output.code, 1, "{output:?}");
        for shown in ["idle in transaction", "RowExclusiveLock on public.users", &format!("pid {} ", alter.pid), "releases 2 locks and lets 1 session go on", "left alone"] {
            assert!(output.stdout.contains(shown), "{shown}: {output:?}");
        }
        assert!(session.holds("SELECT true").await, "it is still there");
    }

    async fn an_idle_transaction_is_terminated_and_the_migration_goes_on(major: Major) {
        let database = Cluster::shared(major).database().await;
        let (session, alter) = blocked(&database).await;
        let refused = unblock(&database, session.pid, &["--yes"]).await;
        assert_eq!(refused.code, 2, "a cancel would do nothing: {refused:?}");
        assert!(refused.stderr.contains("--terminate"), "{refused:?}");
        let output = unblock(&database, session.pid, &["--yes", "--terminate"]).await;
        assert_eq!(output.code, 0, "{output:?}");
        alter.finish().await.1.unwrap();
    }

    async fn a_statement_is_cancelled_and_its_session_stays(major: Major) {
        let database = Cluster::shared(major).database().await;
        let query = database.session().await.start("SELECT pg_sleep(60)");
        let observer = database.session().await;
        let running = format!("SELECT state = 'active' FROM pg_stat_activity WHERE pid = {}", query.pid);
        observer.wait_until_holds(&running, PATIENCE).await;
        let output = unblock(&database, query.pid, &["--yes"]).await;
        assert_eq!(output.code, 0, "{output:?}");
        let (session, result) = query.finish().await;
        result.unwrap_err();
        assert!(session.holds("SELECT true").await);
    }

    async fn a_session_of_another_database_is_found(major: Major) {
        let (one, other) = (Cluster::shared(major).database().await, Cluster::shared(major).database().await);
        let (session, alter) = blocked(&other).await;
        let output = unblock(&one, session.pid, &["--yes", "--terminate"]).await;
        assert!(output.code == 0 && output.stdout.contains("public.users"), "{output:?}");
        alter.finish().await.1.unwrap();
    }

    async fn replication_is_spared(major: Major) {
        let primary = Cluster::own(major, &[]);
        let _standby = primary.standby(&[]);
        let session = primary.session().await;
        session.wait_until_holds("SELECT EXISTS (SELECT FROM pg_stat_replication WHERE state = 'streaming')", PATIENCE).await;
        let pid = session.query_text("SELECT pid FROM pg_stat_replication").await.unwrap();
        let url = primary.url(Role::Superuser, "postgres");
        let output = Pgwarden::new(["unblock", "--database", &url, "--yes", "--terminate", &pid]).run().await;
        assert!(output.code == 2 && output.stderr.contains("--force"), "{output:?}");
        assert!(session.holds(&format!("SELECT EXISTS (SELECT FROM pg_stat_replication WHERE pid = {pid})")).await);
    }

    async fn our_own_sessions_are_spared(major: Major) {
        let database = Cluster::shared(major).database().await;
        let own = database.session().await;
        own.execute("SET application_name = 'pgwarden'").await;
        let output = unblock(&database, own.pid, &["--yes", "--terminate"]).await;
        assert!(output.code == 2 && output.stderr.contains("--force"), "{output:?}");
        assert!(own.holds("SELECT true").await);
        let output = unblock(&database, own.pid, &["--yes", "--terminate", "--force"]).await;
        assert_eq!(output.code, 0, "{output:?}");
    }

    async fn a_process_of_the_server_is_never_ended(major: Major) {
        let database = Cluster::shared(major).database().await;
        let observer = database.session().await;
        let pid = observer.query_text("SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'").await.unwrap();
        let output = unblock(&database, pid.parse().unwrap(), &["--yes", "--terminate", "--force"]).await;
        assert_eq!(output.code, 2, "{output:?}");
        assert!(output.stderr.contains("process of the server"), "{output:?}");
    }

    async fn a_pid_that_nobody_has_is_an_error(major: Major) {
        let database = Cluster::shared(major).database().await;
        let output = unblock(&database, 1, &["--yes"]).await;
        assert!(output.code == 2 && output.stderr.contains("no session has the pid 1"), "{output:?}");
    }

    async fn a_role_without_privileges_ends_nothing_and_says_what_it_lacks(major: Major) {
        let database = Cluster::shared(major).database().await;
        let (session, superuser) = (database.session_as(Role::Nobody).await, database.session().await);
        for (role, subject, lacks) in [
            (Role::Nobody, &superuser, "GRANT pg_monitor"),
            (Role::Monitor, &session, "GRANT pg_signal_backend"),
            (Role::Monitor, &superuser, "only a superuser may, as postgres is one"),
        ] {
            let (url, pid) = (database.url(role), subject.pid.to_string());
            let output = Pgwarden::new(["unblock", "--database", &url, &pid, "--yes", "--terminate"]).run().await;
            assert!(output.code == 2 && output.stderr.contains(lacks), "{lacks}: {output:?}");
            assert!(subject.holds("SELECT true").await);
        }
    }
}
