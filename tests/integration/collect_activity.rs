//! The collectors `activity` and `locks`, which see all databases of a server from one session.

use std::time::Duration;

use crate::support::{
    Cluster, Database, Major, PATIENCE, Role, Round, Session, Watcher, on_every_major, on_majors, wait_for, wait_until,
};

/// Seconds that an expression of `pg_stat_activity` gives for a session.
async fn seconds(observer: &Session, expression: &str, pid: i32) -> f64 {
    let query = format!("SELECT extract(epoch FROM {expression})::float8 FROM pg_stat_activity WHERE pid = {pid}");
    observer.query_text(&query).await.unwrap().parse().unwrap()
}

/// A lock that is held and one that waits for it, with the pid of the waiter's backend.
async fn blocked(database: &Database<'_>) -> (Session, crate::support::Background) {
    let holder = database.session().await;
    holder.execute("CREATE TABLE t ()").await;
    holder.execute("BEGIN; LOCK TABLE t").await;
    let waiter = database.session().await.start_waiting("SELECT FROM t").await;
    (holder, waiter)
}

/// The first round in which the server says since when the waiter waits.
async fn round_with_wait(watcher: &mut Watcher, datname: &str) -> Round {
    wait_for("the start of the wait is known", PATIENCE, async || {
        let round = watcher.round("locks").await;
        round.number("pgwarden_lock_wait_oldest_seconds", &[datname]).map(|_| round)
    })
    .await
}

on_every_major! {
    async fn a_session_idle_in_a_transaction_is_as_old_as_the_server_says(major: Major) {
        let database = Cluster::shared(major).database().await;
        let (observer, idle) = (database.session().await, database.session().await);
        idle.execute("SET application_name = 'we''ird \"app\"'").await;
        idle.execute("BEGIN; SELECT 1").await;
        let mut watcher = Watcher::open(&database, Role::Monitor).await;
        watcher.config.activity.thresholds = vec![Duration::from_millis(200), Duration::from_hours(1)];
        let older = |than: &str, column: &str| {
            format!("SELECT clock_timestamp() - {column} > '{than}' FROM pg_stat_activity WHERE pid = {}", idle.pid)
        };
        observer.wait_until_holds(&older("0.3s", "xact_start"), PATIENCE).await;
        idle.execute("SELECT 1").await;
        observer.wait_until_holds(&older("0.2s", "state_change"), PATIENCE).await;

        let ages = ["clock_timestamp() - xact_start", "clock_timestamp() - state_change"];
        let before = [seconds(&observer, ages[0], idle.pid).await, seconds(&observer, ages[1], idle.pid).await];
        let round = watcher.round("activity").await;
        let after = [seconds(&observer, ages[0], idle.pid).await, seconds(&observer, ages[1], idle.pid).await];

        let datname = database.name.as_str();
        let names = [datname, "postgres", "we'ird \"app\""];
        assert_eq!(round.number("pgwarden_sessions", &[datname, "idle in transaction", names[1], names[2]]), Some(1.0));
        for (position, metric) in
            ["pgwarden_transaction_oldest_seconds", "pgwarden_idle_in_transaction_oldest_seconds"].iter().enumerate()
        {
            let age = round.number(metric, &names).unwrap();
            assert!((before[position]..=after[position]).contains(&age), "{metric}: {before:?} {age} {after:?}");
        }
        for metric in ["pgwarden_transactions_over_threshold", "pgwarden_idle_in_transaction_over_threshold"] {
            assert_eq!(round.number(metric, &[datname, "0.2"]), Some(1.0), "{metric}");
            assert_eq!(round.number(metric, &[datname, "3600"]), Some(0.0), "{metric}");
        }
        assert_eq!(round.number("pgwarden_queries_over_threshold", &[datname, "0.2"]), Some(0.0));
        assert!(round.observations("pgwarden_transaction_age_seconds") >= 1);
        assert!(round.observations("pgwarden_idle_in_transaction_age_seconds") >= 1);
        assert_eq!(round.number("pgwarden_background_processes", &["checkpointer"]), Some(1.0));
        assert!(round.number("pgwarden_background_processes", &["autovacuum worker"]).is_some());
    }

    async fn a_session_that_waits_for_a_lock_is_counted_with_its_wait(major: Major) {
        let database = Cluster::shared(major).database().await;
        let (holder, waiter) = blocked(&database).await;
        let observer = database.session().await;
        let mut watcher = Watcher::open(&database, Role::Monitor).await;
        let datname = database.name.as_str();

        let round = watcher.round("activity").await;
        assert_eq!(round.number("pgwarden_sessions_waiting", &[datname, "Lock", "relation"]), Some(1.0));

        round_with_wait(&mut watcher, datname).await;
        let since = if major >= Major(14) { "(SELECT max(waitstart) FROM pg_locks l WHERE l.pid = pg_stat_activity.pid)" } else { "query_start" };
        let age = format!("clock_timestamp() - {since}");
        let before = seconds(&observer, &age, waiter.pid).await;
        let round = watcher.round("locks").await;
        let after = seconds(&observer, &age, waiter.pid).await;
        let wait = round.number("pgwarden_lock_wait_oldest_seconds", &[datname]).unwrap();
        assert!((before..=after).contains(&wait), "{before} {wait} {after}");
        assert_eq!(round.number("pgwarden_blocked_sessions", &[datname]), Some(1.0));
        assert_eq!(round.number("pgwarden_locks", &[datname, "AccessExclusiveLock", "true"]), Some(1.0));
        assert_eq!(round.number("pgwarden_locks", &[datname, "AccessExclusiveLock", "false"]), Some(0.0));
        assert_eq!(round.number("pgwarden_locks", &[datname, "AccessShareLock", "false"]), Some(1.0));

        holder.execute("COMMIT").await;
        waiter.finish().await.1.unwrap();
        let round = watcher.round("locks").await;
        assert_eq!(round.number("pgwarden_blocked_sessions", &[datname]), Some(0.0));
        assert_eq!(round.number("pgwarden_lock_wait_oldest_seconds", &[datname]), Some(0.0));
        assert_eq!(round.number("pgwarden_locks", &[datname, "AccessExclusiveLock", "true"]), Some(0.0));
    }

    async fn a_prepared_transaction_and_its_locks_are_counted_without_a_session(major: Major) {
        let database = Cluster::shared(major).database().await;
        let session = database.session().await;
        let mut watcher = Watcher::open(&database, Role::Nobody).await;
        let datname = database.name.as_str();
        let round = watcher.round("locks").await;
        assert_eq!(round.number("pgwarden_prepared_transactions", &[datname]), Some(0.0));
        assert_eq!(round.number("pgwarden_prepared_transaction_oldest_seconds", &[datname]), Some(0.0));

        session.execute("CREATE TABLE t ()").await;
        session.execute(&format!("BEGIN; LOCK TABLE t; PREPARE TRANSACTION '{datname}'")).await;
        let age = "SELECT extract(epoch FROM clock_timestamp() - prepared)::float8 FROM pg_prepared_xacts WHERE database = current_database()";
        let before: f64 = session.query_text(age).await.unwrap().parse().unwrap();
        let round = watcher.round("locks").await;
        let after: f64 = session.query_text(age).await.unwrap().parse().unwrap();
        let oldest = round.number("pgwarden_prepared_transaction_oldest_seconds", &[datname]).unwrap();
        assert!((before..=after).contains(&oldest), "{before} {oldest} {after}");
        assert_eq!(round.number("pgwarden_prepared_transactions", &[datname]), Some(1.0));
        assert_eq!(round.number("pgwarden_locks", &[datname, "AccessExclusiveLock", "true"]), Some(1.0));
    }
}

on_majors! {
    [pg13 = 13, pg18 = 18]

    async fn a_role_with_nothing_says_how_much_it_does_not_see(major: Major) {
        let database = Cluster::shared(major).database().await;
        let (holder, waiter) = blocked(&database).await;
        let own = database.session_as(Role::Nobody).await;
        own.execute("BEGIN; SELECT 1").await;
        let mut watcher = Watcher::open(&database, Role::Nobody).await;
        watcher.config.activity.thresholds = vec![Duration::ZERO, Duration::from_hours(1)];
        let datname = database.name.as_str();

        let round = watcher.round("activity").await;
        assert_eq!(round.number("pgwarden_sessions_hidden", &[datname]), Some(2.0));
        assert!(round.number("pgwarden_sessions_hidden", &[""]).unwrap() >= 1.0);
        assert_eq!(round.number("pgwarden_sessions", &[datname, "idle in transaction", "nobody", ""]), Some(1.0));
        assert_eq!(round.number("pgwarden_transactions_over_threshold", &[datname, "0"]), Some(1.0));
        assert_eq!(round.number("pgwarden_transactions_over_threshold", &[datname, "3600"]), None);
        assert_eq!(round.number("pgwarden_background_processes", &["autovacuum worker"]), None);

        let round = watcher.round("locks").await;
        assert_eq!(round.number("pgwarden_blocked_sessions", &[datname]), Some(1.0));
        assert_eq!(round.number("pgwarden_locks", &[datname, "AccessExclusiveLock", "true"]), Some(1.0));
        if major < Major(14) {
            assert_eq!(round.number("pgwarden_lock_wait_oldest_seconds", &[datname]), None);
        } else {
            round_with_wait(&mut watcher, datname).await;
        }
        holder.execute("COMMIT").await;
        waiter.finish().await.1.unwrap();
    }

    async fn nothing_is_hidden_from_pg_monitor_and_from_a_superuser(major: Major) {
        let database = Cluster::shared(major).database().await;
        let _sessions = (database.session().await, database.session_as(Role::Nobody).await);
        let datname = database.name.as_str();
        for role in [Role::Monitor, Role::Superuser] {
            let round = Watcher::open(&database, role).await.round("activity").await;
            assert_eq!(round.number("pgwarden_sessions_hidden", &[datname]), Some(0.0), "{role:?}");
            assert_eq!(round.number("pgwarden_sessions_hidden", &[""]), Some(0.0), "{role:?}");
            assert_eq!(round.number("pgwarden_sessions", &[datname, "idle", "postgres", ""]), Some(1.0), "{role:?}");
            assert_eq!(round.number("pgwarden_sessions", &[datname, "idle", "nobody", ""]), Some(1.0), "{role:?}");
        }
    }

    async fn our_own_sessions_count_only_as_our_own(major: Major) {
        let database = Cluster::shared(major).database().await;
        let datname = database.name.as_str();
        let namesake = database.session_as(Role::Superuser).await;
        namesake.execute("SET application_name = 'pgwarden'").await;
        let mut watcher = Watcher::open(&database, Role::Monitor).await;
        let _second = Watcher::open(&database, Role::Monitor).await;
        let round = watcher.round("activity").await;
        assert_eq!(round.number("pgwarden_own_sessions", &[datname]), Some(2.0));
        assert_eq!(round.number("pgwarden_sessions", &[datname, "idle", "postgres", "pgwarden"]), Some(1.0));
        let mine = |labels: &[Box<str>]| &*labels[0] == datname && &*labels[2] == "monitor";
        assert!(!round.series("pgwarden_sessions").iter().any(|sample| mine(&sample.labels)));

        // Reading the catalogs takes AccessShareLock; an autovacuum worker may do the same for a moment.
        wait_until("no lock of ours is counted", PATIENCE, async || {
            let round = watcher.round("locks").await;
            round.number("pgwarden_locks", &[datname, "AccessShareLock", "true"]) == Some(0.0)
        })
        .await;
        namesake.execute("CREATE TABLE t (); BEGIN; LOCK TABLE t IN SHARE MODE").await;
        let round = watcher.round("locks").await;
        assert_eq!(round.number("pgwarden_locks", &[datname, "ShareLock", "true"]), Some(1.0), "a namesake is not us");
    }

    async fn a_session_that_tracks_nothing_is_not_taken_for_idle(major: Major) {
        let database = Cluster::shared(major).database().await;
        let silent = database.session().await;
        silent.execute("SET track_activities = off").await;
        silent.execute("BEGIN; SELECT 1").await;
        let round = Watcher::open(&database, Role::Monitor).await.round("activity").await;
        let datname = database.name.as_str();
        assert_eq!(round.number("pgwarden_sessions_hidden", &[datname]), Some(1.0));
        assert_eq!(round.number("pgwarden_transactions_over_threshold", &[datname, "10"]), None);
    }

    async fn sums_stay_true_when_groups_have_no_room(major: Major) {
        let database = Cluster::shared(major).database().await;
        let sessions = [database.session().await, database.session().await, database.session_as(Role::Nobody).await];
        sessions[0].execute("SET application_name = 'one'").await;
        let mut watcher = Watcher::open(&database, Role::Monitor).await;
        watcher.config.activity.max_groups = 0;
        let round = watcher.round("activity").await;
        let datname = database.name.as_str();
        assert_eq!(round.number("pgwarden_sessions", &[datname, "idle", "", "other"]), Some(3.0));
        assert_eq!(round.number("pgwarden_transaction_oldest_seconds", &[datname, "", "other"]), Some(0.0));
    }

    async fn every_relation_mode_has_a_value_in_every_database(major: Major) {
        let database = Cluster::shared(major).database().await;
        let round = Watcher::open(&database, Role::Nobody).await.round("locks").await;
        for datname in ["postgres", database.name.as_str()] {
            let of_database = |sample: &&pgwarden::metric::Sample| &*sample.labels[0] == datname;
            assert_eq!(round.series("pgwarden_locks").iter().filter(of_database).count(), 16, "{datname}");
        }
    }

    async fn a_standby_and_its_primary_see_their_own_sessions(major: Major) {
        let primary = Cluster::own(major, &[]);
        let standby = primary.standby(&[]);
        standby.session().await.wait_until_holds("SELECT pg_is_in_recovery()", PATIENCE).await;
        let database = primary.database().await;
        let mut watcher = Watcher::open(&database, Role::Monitor).await;
        wait_until("the standby streams", PATIENCE, async || {
            watcher.round("activity").await.number("pgwarden_replication_sessions", &[]) == Some(1.0)
        })
        .await;
        let everywhere = format!("SELECT count(*) = 1 FROM pg_database WHERE datname = '{}'", database.name);
        standby.session().await.wait_until_holds(&everywhere, PATIENCE).await;
        let mut watcher = Watcher::open_on(&standby, Role::Monitor, &database.name).await;
        let round = watcher.round("activity").await;
        assert_eq!(round.number("pgwarden_own_sessions", &[&database.name]), Some(1.0));
        assert_eq!(round.number("pgwarden_background_processes", &["startup"]), Some(1.0));
        assert_eq!(watcher.round("locks").await.number("pgwarden_blocked_sessions", &[&database.name]), Some(0.0));
        assert_eq!(watcher.round("server").await.number("pgwarden_server_in_recovery", &[]), Some(1.0));
    }
}
