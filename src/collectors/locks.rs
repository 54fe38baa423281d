//! Locks by database and mode, who waits for one, and prepared transactions, which keep theirs without a session.

use std::time::Duration;

use async_trait::async_trait;

use super::datnames::{DATNAMES, Datnames};
use super::groups::Groups;
use super::{Collector, Context, Profile, Scope};
use crate::metric::{Samples, metrics};
use crate::postgres::{Error, Row, Session, Sql};

static LOCKS: Sql = Sql::new(&[(13, include_str!("sql/locks.sql")), (14, include_str!("sql/locks.14.sql"))]);
static PREPARED_TRANSACTIONS: Sql = Sql::new(&[(13, include_str!("sql/prepared_transactions.sql"))]);

/// The modes of relation locks, from the weakest to the strongest.
/// Source: <https://www.postgresql.org/docs/current/explicit-locking.html#LOCKING-TABLES>.
const MODES: [&str; 8] = [
    "AccessShareLock",
    "RowShareLock",
    "RowExclusiveLock",
    "ShareUpdateExclusiveLock",
    "ShareLock",
    "ShareRowExclusiveLock",
    "ExclusiveLock",
    "AccessExclusiveLock",
];

metrics! {
    /// Locks on relations, granted (true) or awaited (false); those of our own sessions are left out (pg_locks).
    static RELATION_LOCKS: Gauge = "pgwarden_locks" [datname, mode, granted];
    /// Backends that wait for a heavyweight lock, on a relation, a row, a transaction or anything else (pg_locks.granted).
    static BLOCKED: Gauge = "pgwarden_blocked_sessions" [datname];
    /// Seconds that the longest wait for a heavyweight lock has lasted, 0 where nobody waits (pg_locks.waitstart; on PostgreSQL 13 counted from the start of the statement that waits, pg_stat_activity.query_start). Absent while somebody waits since an unknown time: in the moment in which the wait begins, during replay on a standby, and on 13 without pg_monitor.
    static LONGEST_WAIT: Gauge = "pgwarden_lock_wait_oldest_seconds" [datname];
    /// Transactions that are prepared for a two-phase commit, and keep their locks until it comes (pg_prepared_xacts).
    static PREPARED: Gauge = "pgwarden_prepared_transactions" [datname];
    /// Seconds since the oldest prepared transaction was prepared, 0 where there is none (pg_prepared_xacts.prepared).
    static OLDEST_PREPARED: Gauge = "pgwarden_prepared_transaction_oldest_seconds" [datname];
}

static PROFILE: Profile = Profile {
    name: "locks",
    about: "Locks by database and mode, blocked sessions, prepared transactions",
    scope: Scope::Watch,
    interval: Duration::from_secs(10),
    timeout: Duration::from_secs(5),
    heavy: false,
    privilege: Some("pg_monitor on PostgreSQL 13, for how long a lock has been awaited"),
    metrics: &[&RELATION_LOCKS, &BLOCKED, &LONGEST_WAIT, &PREPARED, &OLDEST_PREPARED],
    statements: &[&LOCKS, &PREPARED_TRANSACTIONS, &DATNAMES],
};

/// See the module.
pub(super) struct Locks;

#[async_trait]
impl Collector for Locks {
    fn profile(&self) -> &'static Profile {
        &PROFILE
    }

    async fn collect(&self, _: Context<'_>, session: &mut Session, samples: &mut Samples) -> Result<(), Error> {
        let rows = session.query(LOCKS.text(session.version()), &[]).await?;
        let counts = rows.iter().map(Count::read).collect::<Result<Vec<_>, _>>()?;
        let prepared = session.query(PREPARED_TRANSACTIONS.text(session.version()), &[]).await?;
        let datnames = Datnames::read(session, samples).await?;
        push_locks(counts, &datnames, samples);
        push_prepared(&prepared, &datnames, samples)
    }
}

/// Locks that have everything in common.
struct Count {
    datname: Option<String>,
    on_relation: bool,
    mode: String,
    granted: bool,
    locks: f64,
    longest_wait: Option<f64>,
}

impl Count {
    fn read(row: &Row) -> Result<Self, Error> {
        Ok(Self {
            datname: row.text_some("datname")?,
            on_relation: row.boolean("on_relation")?,
            mode: row.text("mode")?,
            granted: row.boolean("granted")?,
            locks: row.number("locks")?,
            longest_wait: row.number_some("longest_wait")?,
        })
    }
}

fn push_locks(counts: Vec<Count>, datnames: &Datnames, samples: &mut Samples) {
    let (mut locks, mut blocked, mut waits) = (Groups::sums(), Groups::sums(), Groups::maxima());
    for datname in datnames.iter() {
        for mode in MODES {
            for granted in ["true", "false"] {
                locks.add([datname, mode, granted].map(str::to_owned), 0.0);
            }
        }
        blocked.add([datname.to_owned()], 0.0);
    }
    for count in counts {
        let datname = datnames.label(count.datname);
        if !count.granted {
            blocked.add([datname.clone()], count.locks);
            if let Some(wait) = count.longest_wait {
                waits.add([datname.clone()], wait.max(0.0));
            }
        }
        if count.on_relation && MODES.contains(&count.mode.as_str()) {
            locks.add([datname, count.mode, count.granted.to_string()], count.locks);
        }
    }
    for datname in datnames.iter().filter(|datname| blocked.get(&[datname]) == Some(0.0)) {
        waits.add([datname.to_owned()], 0.0);
    }
    locks.push(&RELATION_LOCKS, samples);
    blocked.push(&BLOCKED, samples);
    waits.push(&LONGEST_WAIT, samples);
}

fn push_prepared(rows: &[Row], datnames: &Datnames, samples: &mut Samples) -> Result<(), Error> {
    let (mut transactions, mut oldest) = (Groups::sums(), Groups::maxima());
    for datname in datnames.iter() {
        transactions.add([datname.to_owned()], 0.0);
        oldest.add([datname.to_owned()], 0.0);
    }
    for row in rows {
        let datname = datnames.label(row.text_some("datname")?);
        transactions.add([datname.clone()], row.number("transactions")?);
        oldest.add([datname], row.number("oldest")?.max(0.0));
    }
    transactions.push(&PREPARED, samples);
    oldest.push(&OLDEST_PREPARED, samples);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting(datname: &str, on_relation: bool, longest_wait: Option<f64>) -> Count {
        let mode = if on_relation { "AccessExclusiveLock" } else { "ShareLock" }.to_owned();
        Count { datname: Some(datname.to_owned()), on_relation, mode, granted: false, locks: 1.0, longest_wait }
    }

    fn samples(counts: Vec<Count>) -> Samples {
        let mut samples = Samples::default();
        push_locks(counts, &Datnames::of(["app", "idle"]), &mut samples);
        samples
    }

    #[test]
    fn every_mode_of_every_database_has_a_value() {
        let samples = samples(Vec::new());
        for datname in ["app", "idle"] {
            for (mode, granted) in MODES.iter().flat_map(|mode| [(mode, "true"), (mode, "false")]) {
                assert_eq!(samples.number(&RELATION_LOCKS, &[datname, mode, granted]), Some(0.0));
            }
            assert_eq!(samples.number(&BLOCKED, &[datname]), Some(0.0));
            assert_eq!(samples.number(&LONGEST_WAIT, &[datname]), Some(0.0));
        }
    }

    #[test]
    fn a_wait_for_a_row_blocks_a_session_and_is_no_relation_lock() {
        let samples = samples(vec![waiting("app", false, Some(3.0)), waiting("app", true, Some(8.0))]);
        assert_eq!(samples.number(&BLOCKED, &["app"]), Some(2.0));
        assert_eq!(samples.number(&LONGEST_WAIT, &["app"]), Some(8.0));
        assert_eq!(samples.number(&RELATION_LOCKS, &["app", "AccessExclusiveLock", "false"]), Some(1.0));
        assert_eq!(samples.number(&RELATION_LOCKS, &["app", "ShareLock", "false"]), Some(0.0));
        assert_eq!(samples.number(&BLOCKED, &["idle"]), Some(0.0));
    }

    #[test]
    fn a_wait_of_unknown_length_is_not_a_wait_of_no_length() {
        let samples = samples(vec![waiting("app", true, None)]);
        assert_eq!(samples.number(&BLOCKED, &["app"]), Some(1.0));
        assert_eq!(samples.number(&LONGEST_WAIT, &["app"]), None);
    }
}
