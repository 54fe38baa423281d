//! The collectors `server`, `database` and `privileges`.

use crate::support::{Cluster, Major, Role, Watcher, on_every_major, on_majors};

on_every_major! {
    async fn a_server_is_described_to_every_role(major: Major) {
        let database = Cluster::shared(major).database().await;
        let session = database.session().await;
        let round = Watcher::open(&database, Role::Nobody).await.round("server").await;
        let version = session.query_text("SHOW server_version").await.unwrap();
        assert_eq!(round.number("pgwarden_server_info", &[&version]), Some(1.0));
        let started = "SELECT extract(epoch FROM pg_postmaster_start_time())::float8";
        let started: f64 = session.query_text(started).await.unwrap().parse().unwrap();
        for (metric, expected) in [
            ("pgwarden_server_start_timestamp_seconds", started),
            ("pgwarden_server_in_recovery", 0.0),
            ("pgwarden_server_max_connections", 200.0),
            ("pgwarden_server_reserved_connections", 3.0),
            ("pgwarden_server_autovacuum_freeze_max_transactions", 200_000_000.0),
            ("pgwarden_server_lock_slots", 64.0 * 210.0),
        ] {
            assert_eq!(round.number(metric, &[]), Some(expected), "{metric}");
        }
        assert!(round.number("pgwarden_server_connections", &[]).unwrap() >= 2.0);
    }

    async fn a_database_is_measured_as_the_server_measures_it(major: Major) {
        let database = Cluster::shared(major).database().await;
        let session = database.session().await;
        session.execute("CREATE TABLE t AS SELECT generate_series(1, 1000) AS id").await;
        session.execute("BEGIN; SELECT 1; ROLLBACK").await;
        let datname = database.name.as_str();
        session.execute(&format!("ALTER DATABASE {datname} CONNECTION LIMIT 7")).await;
        let size: f64 = session.query_text("SELECT pg_database_size(current_database())").await.unwrap().parse().unwrap();
        let round = Watcher::open(&database, Role::Monitor).await.round("database").await;
        let measured = round.number("pgwarden_database_size_bytes", &[datname]).unwrap();
        assert!((measured - size).abs() < 1e6, "{measured} {size}");
        assert_eq!(round.number("pgwarden_database_connection_limit", &[datname]), Some(7.0));
        assert_eq!(round.number("pgwarden_database_connection_limit", &["postgres"]), None);
        assert!(round.number("pgwarden_database_connections", &[datname]).unwrap() >= 2.0);
        assert_eq!(round.number("pgwarden_database_deadlocks_total", &[datname]), Some(0.0));
        assert_eq!(round.number("pgwarden_database_size_bytes", &["template0"]), None, "it accepts no connections");
    }

    async fn privileges_are_told_for_each_role(major: Major) {
        let database = Cluster::shared(major).database().await;
        let session = database.session().await;
        session.execute("CREATE TABLE t (); CREATE SCHEMA s; CREATE TABLE s.t (); CREATE EXTENSION pg_stat_statements").await;
        session.execute("GRANT SELECT ON s.t TO nobody").await;
        for (role, stats, unreadable) in
            [(Role::Superuser, 1.0, 0.0), (Role::Monitor, 1.0, 2.0), (Role::Nobody, 0.0, 2.0)]
        {
            let round = Watcher::open(&database, role).await.round("privileges").await;
            assert_eq!(round.number("pgwarden_privilege_granted", &["pg_read_all_stats"]), Some(stats), "{role:?}");
            let data = round.number("pgwarden_privilege_granted", &["pg_read_all_data"]);
            let expected = (major >= Major(14)).then_some(f64::from(u8::from(role == Role::Superuser)));
            assert_eq!(data, expected, "{role:?}");
            // pg_stat_statements brings views, which do not count; s.t is out of reach without USAGE on s.
            assert_eq!(round.number("pgwarden_unreadable_tables", &[]), Some(unreadable), "{role:?}");
            assert_eq!(round.number("pgwarden_extension_installed", &["pg_stat_statements"]), Some(1.0));
            assert_eq!(round.number("pgwarden_extension_installed", &["hypopg"]), Some(0.0));
            assert_eq!(round.series("pgwarden_extension_info").len(), 1);
        }
    }
}

on_majors! {
    [pg13 = 13, pg18 = 18]

    async fn a_database_out_of_reach_keeps_its_size_to_itself(major: Major) {
        let cluster = Cluster::shared(major);
        let (database, closed) = (cluster.database().await, cluster.database().await);
        closed.session().await.execute(&format!("REVOKE CONNECT ON DATABASE {} FROM PUBLIC", closed.name)).await;
        let nobody = Watcher::open(&database, Role::Nobody).await.round("database").await;
        assert_eq!(nobody.number("pgwarden_database_size_bytes", &[&closed.name]), None);
        assert!(nobody.number("pgwarden_database_unfrozen_transactions", &[&closed.name]).is_some());
        let monitor = Watcher::open(&database, Role::Monitor).await.round("database").await;
        assert!(monitor.number("pgwarden_database_size_bytes", &[&closed.name]).is_some());
    }

    async fn an_interrupted_drop_is_no_connection_limit(major: Major) {
        let cluster = Cluster::shared(major);
        let (database, invalid) = (cluster.database().await, cluster.database().await);
        let limit = |limit| format!("UPDATE pg_database SET datconnlimit = {limit} WHERE datname = '{}'", invalid.name);
        database.session().await.execute(&limit(-2)).await;
        let mut watcher = Watcher::open(&database, Role::Monitor).await;
        let round = watcher.round("database").await;
        let locks = watcher.round("locks").await;
        database.session().await.execute(&limit(-1)).await;
        assert_eq!(round.number("pgwarden_database_connection_limit", &[&invalid.name]), None);
        assert_eq!(locks.number("pgwarden_blocked_sessions", &[&invalid.name]), None);
    }

    async fn databases_that_come_and_go_disturb_no_round(major: Major) {
        let cluster = Cluster::shared(major);
        let database = cluster.database().await;
        let mut watcher = Watcher::open(&database, Role::Monitor).await;
        let fleeting = format!("{}_fleeting", database.name);
        let statements = [format!("CREATE DATABASE {fleeting} TEMPLATE template0"), format!("DROP DATABASE {fleeting}")];
        let session = database.session().await;
        let teams = async {
            for statement in statements.iter().cycle().take(10) {
                session.execute(statement).await;
            }
        };
        let mut teams = std::pin::pin!(teams);
        loop {
            tokio::select! {
                () = &mut teams => break,
                round = watcher.round("database") => {
                    assert!(round.number("pgwarden_database_connections", &[&database.name]).is_some());
                }
            }
        }
        let round = Watcher::open(&database, Role::Monitor).await.round("database").await;
        assert_eq!(round.number("pgwarden_database_connections", &[&fleeting]), None);
    }
}
