//! Who waits for whom, beside what the server itself says.

use std::collections::{BTreeMap, BTreeSet};

use super::{locks, of_database};
use crate::support::{Cluster, Database, PATIENCE, Role, Session, on_majors};

const TABLES: [&str; 3] = ["users", "orders", "items"];

const MODES: [&str; 8] = [
    "ACCESS SHARE",
    "ROW SHARE",
    "ROW EXCLUSIVE",
    "SHARE UPDATE EXCLUSIVE",
    "SHARE",
    "SHARE ROW EXCLUSIVE",
    "EXCLUSIVE",
    "ACCESS EXCLUSIVE",
];

/// A session in a transaction with some locks, as far as they are free.
async fn holder(database: &Database<'_>, random: &mut fastrand::Rng) -> Session {
    let session = database.session().await;
    // Nobody looks for deadlocks, which would change the queues.
    session.execute("SET deadlock_timeout = '1h'; BEGIN; SAVEPOINT here").await;
    for table in TABLES {
        let mode = MODES[random.usize(..5)];
        let held = session.batch_execute(&format!("LOCK TABLE {table} IN {mode} MODE NOWAIT")).await;
        session.execute(if held.is_ok() { "SAVEPOINT here" } else { "ROLLBACK TO here" }).await;
    }
    session
}

/// Everybody who waits, with those in front, as the server says.
async fn blocking_pids(session: &Session) -> BTreeMap<i64, BTreeSet<i64>> {
    let query = "SELECT json_object_agg(pid, pg_blocking_pids(pid)) FROM pg_stat_activity
                  WHERE datname = current_database() AND wait_event_type = 'Lock'";
    let pids = serde_json::from_str::<BTreeMap<i64, BTreeSet<i64>>>(&session.query_text(query).await.unwrap());
    pids.unwrap()
}

on_majors! {
    [pg13 = 13, pg15 = 15, pg18 = 18]

    async fn everybody_waits_for_whom_the_server_says(major: Major) {
        for seed in 0..3 {
            let database = Cluster::shared(major).database().await;
            let mut random = fastrand::Rng::with_seed(seed);
            let observer = database.session().await;
            observer.execute(&TABLES.map(|table| format!("CREATE TABLE {table} (id int)")).join(";")).await;
            let mut sessions = Vec::new();
            for _ in 0..12 {
                sessions.push(holder(&database, &mut random).await);
            }
            let mut running = Vec::new();
            for session in sessions {
                let (table, mode) = (TABLES[random.usize(..3)], MODES[random.usize(..8)]);
                let (statement, pid) = (format!("LOCK TABLE {table} IN {mode} MODE"), session.pid);
                running.push(session.start(&statement));
                // One after the other, so that their order is known.
                let settled = format!(
                    "SELECT query = '{statement}' AND (wait_event_type = 'Lock' OR state <> 'active')
                       FROM pg_stat_activity WHERE pid = {pid}"
                );
                observer.wait_until_holds(&settled, PATIENCE).await;
            }
            let expected = blocking_pids(&observer).await;
            assert!(expected.len() > 3, "{expected:?}");
            let report = locks(&database.url(Role::Superuser), &["--stuck-after", "1h"]).await.json();
            let found: BTreeMap<i64, BTreeSet<i64>> = of_database(&report, "waiting", &database.name)
                .into_iter()
                .map(|waiter| {
                    let blockers = waiter["blocked_by"].as_array().unwrap().iter().map(|pid| pid.as_i64().unwrap());
                    (waiter["pid"].as_i64().unwrap(), blockers.collect())
                })
                .collect();
            assert_eq!(found, expected, "seed {seed}");
        }
    }
}
