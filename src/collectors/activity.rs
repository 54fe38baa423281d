//! What sessions do: how many are in which state, what they wait for, how old their transactions and statements are.

use std::time::Duration;

use async_trait::async_trait;

use super::datnames::{DATNAMES, Datnames};
use super::groups::Groups;
use super::{Collector, Context, OTHER, Profile, Scope};
use crate::config;
use crate::metric::{Definition, Histogram, Samples, metrics};
use crate::postgres::{Error, Row, Session, Sql};

static ACTIVITY: Sql = Sql::new(&[(13, include_str!("sql/activity.sql"))]);

/// Upper bounds of the ages in seconds: from what an interactive query takes to what blocks vacuum for a day.
const BUCKETS: &[f64] = &[0.1, 1.0, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 1800.0, 3600.0, 14400.0, 86400.0];

/// Processes that come and go, and are counted as 0 while there is none.
const TRANSIENT: [&str; 2] = ["autovacuum worker", "parallel worker"];

metrics! {
    /// Client sessions by state, role and application, without our own; the smallest groups together under usename "" and application_name "other" (pg_stat_activity.state).
    static SESSIONS: Gauge = "pgwarden_sessions" [datname, state, usename, application_name];
    /// Client sessions that run a statement and wait, by what they wait for; the rarest together under wait_event "other" (pg_stat_activity.wait_event).
    static WAITING: Gauge = "pgwarden_sessions_waiting" [datname, wait_event_type, wait_event];
    /// Sessions and, under datname "", server processes whose state we do not see: other roles' without pg_monitor, and those with track_activities off. Above 0 every other number here is a lower bound, and zeros are left out (pg_stat_activity.backend_type, state).
    static HIDDEN: Gauge = "pgwarden_sessions_hidden" [datname];
    /// Sessions of this exporter and of others with its role and application_name; they count nowhere else (pg_stat_activity.application_name).
    static OWN: Gauge = "pgwarden_own_sessions" [datname];
    /// Seconds since the start of the oldest open transaction, 0 where no session of the group has one (pg_stat_activity.xact_start); the groups with the youngest share usename "" and application_name "other".
    static OLDEST_TRANSACTION: Gauge = "pgwarden_transaction_oldest_seconds" [datname, usename, application_name];
    /// Seconds since the start of the oldest running statement, 0 where no session of the group runs one (pg_stat_activity.query_start); the groups with the youngest share usename "" and application_name "other".
    static OLDEST_QUERY: Gauge = "pgwarden_query_oldest_seconds" [datname, usename, application_name];
    /// Seconds for which a session has been idle in its transaction, aborted ones included, the longest of the group, 0 where none is (pg_stat_activity.state_change); the groups with the shortest share usename "" and application_name "other".
    static OLDEST_IDLE: Gauge = "pgwarden_idle_in_transaction_oldest_seconds" [datname, usename, application_name];
    /// Client sessions whose transaction is older than this many seconds (pg_stat_activity.xact_start).
    static TRANSACTIONS_OVER: Gauge = "pgwarden_transactions_over_threshold" [datname, threshold];
    /// Client sessions whose running statement is older than this many seconds (pg_stat_activity.query_start).
    static QUERIES_OVER: Gauge = "pgwarden_queries_over_threshold" [datname, threshold];
    /// Client sessions that have been idle in a transaction for more than this many seconds (pg_stat_activity.state_change).
    static IDLE_OVER: Gauge = "pgwarden_idle_in_transaction_over_threshold" [datname, threshold];
    /// Ages of the open transactions of client sessions, each observed once a round of this collector (pg_stat_activity.xact_start).
    static TRANSACTION_AGES: Histogram = "pgwarden_transaction_age_seconds" [];
    /// Ages of the running statements of client sessions, each observed once a round of this collector (pg_stat_activity.query_start).
    static QUERY_AGES: Histogram = "pgwarden_query_age_seconds" [];
    /// Times for which client sessions have been idle in a transaction, each observed once a round of this collector (pg_stat_activity.state_change).
    static IDLE_AGES: Histogram = "pgwarden_idle_in_transaction_age_seconds" [];
    /// Processes of the server that serve no client (pg_stat_activity.backend_type).
    static PROCESSES: Gauge = "pgwarden_background_processes" [backend_type];
    /// Sessions that send the write-ahead log to a standby, a backup or a subscriber (pg_stat_activity.backend_type).
    static REPLICATION: Gauge = "pgwarden_replication_sessions" [];
}

static PROFILE: Profile = Profile {
    name: "activity",
    about: "Sessions by state and wait event, ages of transactions and statements",
    scope: Scope::Watch,
    interval: Duration::from_secs(10),
    timeout: Duration::from_secs(5),
    heavy: false,
    privilege: Some("pg_monitor"),
    metrics: &[
        &SESSIONS,
        &WAITING,
        &HIDDEN,
        &OWN,
        &OLDEST_TRANSACTION,
        &OLDEST_QUERY,
        &OLDEST_IDLE,
        &TRANSACTIONS_OVER,
        &QUERIES_OVER,
        &IDLE_OVER,
        &TRANSACTION_AGES,
        &QUERY_AGES,
        &IDLE_AGES,
        &PROCESSES,
        &REPLICATION,
    ],
    statements: &[&ACTIVITY, &DATNAMES],
};

/// See the module.
pub(super) struct Activity;

#[async_trait]
impl Collector for Activity {
    fn profile(&self) -> &'static Profile {
        &PROFILE
    }

    async fn collect(&self, context: Context<'_>, session: &mut Session, samples: &mut Samples) -> Result<(), Error> {
        let rows = session.query(ACTIVITY.text(session.version()), &[]).await?;
        let datnames = Datnames::read(session, samples).await?;
        let backends = rows.iter().map(|row| Backend::read(row, &datnames)).collect::<Result<Vec<_>, _>>()?;
        push(&backends, &datnames, &context.config.activity, samples);
        Ok(())
    }
}

/// One row of `pg_stat_activity`; text that is NULL is empty.
#[derive(Clone, Debug, Default)]
#[expect(clippy::struct_field_names, reason = "columns keep the names that they have in the view")]
struct Backend {
    datname: String,
    usename: String,
    application_name: String,
    /// `None` where our role may not see it.
    backend_type: Option<String>,
    state: String,
    wait_event_type: String,
    wait_event: String,
    own: bool,
    transaction_age: Option<f64>,
    query_age: Option<f64>,
    idle_age: Option<f64>,
}

impl Backend {
    fn read(row: &Row, datnames: &Datnames) -> Result<Self, Error> {
        let text = |column| Ok(row.text_some(column)?.unwrap_or_default());
        Ok(Self {
            datname: datnames.label(row.text_some("datname")?),
            usename: text("usename")?,
            application_name: text("application_name")?,
            backend_type: row.text_some("backend_type")?,
            state: text("state")?,
            wait_event_type: text("wait_event_type")?,
            wait_event: text("wait_event")?,
            own: row.boolean("own")?,
            transaction_age: row.number_some("transaction_age")?,
            query_age: row.number_some("query_age")?,
            idle_age: row.number_some("idle_age")?,
        })
    }

    fn is_hidden(&self) -> bool {
        self.backend_type.is_none() || self.state == "disabled"
    }

    fn is_client(&self) -> bool {
        self.backend_type.as_deref() == Some("client backend")
    }
}

/// Something about a session that grows old.
struct Measure {
    age: fn(&Backend) -> Option<f64>,
    oldest: &'static Definition,
    over: &'static Definition,
    ages: &'static Definition,
}

const MEASURES: [Measure; 3] = [
    Measure {
        age: |backend| backend.transaction_age,
        oldest: &OLDEST_TRANSACTION,
        over: &TRANSACTIONS_OVER,
        ages: &TRANSACTION_AGES,
    },
    Measure { age: |backend| backend.query_age, oldest: &OLDEST_QUERY, over: &QUERIES_OVER, ages: &QUERY_AGES },
    Measure { age: |backend| backend.idle_age, oldest: &OLDEST_IDLE, over: &IDLE_OVER, ages: &IDLE_AGES },
];

fn push(backends: &[Backend], datnames: &Datnames, config: &config::Activity, samples: &mut Samples) {
    let (own, others): (Vec<_>, Vec<_>) = backends.iter().partition(|backend| backend.own);
    let hidden = by_datname(others.iter().filter(|backend| backend.is_hidden()), datnames);
    let clients: Vec<_> = others.iter().copied().filter(|backend| backend.is_client()).collect();
    let visible: Vec<_> = datnames.iter().filter(|datname| hidden.get(&[datname]) == Some(0.0)).collect();
    hidden.push(&HIDDEN, samples);
    by_datname(own.iter(), datnames).push(&OWN, samples);
    push_sessions(&clients, config.max_groups, samples);
    push_waiting(&clients, config.max_groups, samples);
    for measure in &MEASURES {
        push_oldest(measure, &clients, config.max_groups, samples);
        push_over(measure, &clients, &visible, &config.thresholds, samples);
        push_ages(measure, &clients, samples);
    }
    push_processes(&others, hidden.get(&[""]) != Some(0.0), config.max_groups, samples);
}

/// Counts by database, with a 0 for each where there is none, and for what belongs to no database.
fn by_datname<'a>(backends: impl Iterator<Item = &'a &'a Backend>, datnames: &Datnames) -> Groups<1> {
    let mut groups = Groups::sums();
    for datname in datnames.iter().chain([""]) {
        groups.add([datname.to_owned()], 0.0);
    }
    for backend in backends {
        groups.add([backend.datname.clone()], 1.0);
    }
    groups
}

fn push_sessions(clients: &[&Backend], limit: usize, samples: &mut Samples) {
    let mut groups = Groups::sums();
    for client in clients {
        let names = [&client.datname, &client.state, &client.usename, &client.application_name];
        groups.add(names.map(String::clone), 1.0);
    }
    samples.leave_out(groups.bound(limit, |[_, _, usename, application_name]| rename(usename, application_name)));
    groups.push(&SESSIONS, samples);
}

/// What becomes of the role and the application of groups that are summed: no session has a role without a name.
fn rename(usename: &mut String, application_name: &mut String) {
    [*usename, *application_name] = OTHER.map(str::to_owned);
}

fn push_waiting(clients: &[&Backend], limit: usize, samples: &mut Samples) {
    let mut groups = Groups::sums();
    for client in clients {
        if client.query_age.is_some() && !client.wait_event_type.is_empty() {
            groups.add([&client.datname, &client.wait_event_type, &client.wait_event].map(String::clone), 1.0);
        }
    }
    samples.leave_out(groups.bound(limit, |[_, _, wait_event]| OTHER[1].clone_into(wait_event)));
    groups.push(&WAITING, samples);
}

fn push_oldest(measure: &Measure, clients: &[&Backend], limit: usize, samples: &mut Samples) {
    let mut groups = Groups::maxima();
    for client in clients {
        let age = (measure.age)(client).unwrap_or_default().max(0.0);
        groups.add([&client.datname, &client.usename, &client.application_name].map(String::clone), age);
    }
    samples.leave_out(groups.bound(limit, |[_, usename, application_name]| rename(usename, application_name)));
    groups.push(measure.oldest, samples);
}

/// Counts what is over each threshold, with a 0 only for databases of which we see everything.
fn push_over(
    measure: &Measure,
    clients: &[&Backend],
    visible: &[&str],
    thresholds: &[Duration],
    samples: &mut Samples,
) {
    let mut groups = Groups::sums();
    for threshold in thresholds.iter().map(Duration::as_secs_f64) {
        for datname in visible {
            groups.add([(*datname).to_owned(), threshold.to_string()], 0.0);
        }
        for client in clients.iter().filter(|client| (measure.age)(client).is_some_and(|age| age > threshold)) {
            groups.add([client.datname.clone(), threshold.to_string()], 1.0);
        }
    }
    groups.push(measure.over, samples);
}

fn push_ages(measure: &Measure, clients: &[&Backend], samples: &mut Samples) {
    let mut ages = Histogram::new(BUCKETS);
    for age in clients.iter().filter_map(|client| (measure.age)(client)) {
        ages.observe(age.max(0.0));
    }
    samples.push_plain(measure.ages, ages);
}

fn push_processes(backends: &[&Backend], some_are_hidden: bool, limit: usize, samples: &mut Samples) {
    let mut processes = Groups::sums();
    let mut replication = 0.0;
    for backend_type in TRANSIENT.iter().filter(|_| !some_are_hidden) {
        processes.add([(*backend_type).to_owned()], 0.0);
    }
    for backend_type in backends.iter().filter_map(|backend| backend.backend_type.as_deref()) {
        match backend_type {
            "client backend" => {}
            "walsender" => replication += 1.0,
            background => processes.add([background.to_owned()], 1.0),
        }
    }
    samples.leave_out(processes.bound(limit, |[backend_type]| OTHER[1].clone_into(backend_type)));
    processes.push(&PROCESSES, samples);
    if replication > 0.0 || !some_are_hidden {
        samples.push_plain(&REPLICATION, replication);
    }
}

#[cfg(test)]
mod tests;
