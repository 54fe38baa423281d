//! The answer for programs; documented in `docs/CLI.md`.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::locks::{Evidence, Holder, Judgement, Migration, Party, Progress, TableLock, Waiter};

/// The whole answer.
#[derive(Debug, Serialize)]
pub(super) struct Report<'a> {
    version: u32,
    taken_at: f64,
    in_recovery: bool,
    migrations: Vec<MigrationReport<'a>>,
    waiting: Vec<WaiterReport<'a>>,
    visibility: Visibility<'a>,
}

#[derive(Debug, Serialize)]
struct MigrationReport<'a> {
    #[serde(flatten)]
    who: Who<'a>,
    phase: &'a str,
    stuck: bool,
    kind: Option<&'static str>,
    relation: Option<&'a str>,
    age_seconds: Option<f64>,
    wait_seconds: Option<f64>,
    queued: usize,
    queued_seconds: Option<f64>,
    culprit_pid: Option<i32>,
    culprit_kind: Option<&'static str>,
    culprit: Option<Who<'a>>,
    recognised_by: Vec<&'static str>,
    holds: Vec<LockReport<'a>>,
    awaits: Option<LockReport<'a>>,
    progress: Option<ProgressReport<'a>>,
}

/// A session, or a prepared transaction.
#[derive(Debug, Serialize)]
struct Who<'a> {
    pid: Option<i32>,
    gid: Option<&'a str>,
    datname: Option<&'a str>,
    usename: Option<&'a str>,
    application_name: Option<&'a str>,
    client_addr: Option<&'a str>,
    state: Option<&'static str>,
    transaction_seconds: Option<f64>,
    query: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct LockReport<'a> {
    locktype: &'a str,
    mode: &'static str,
    relation: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct ProgressReport<'a> {
    command: &'a str,
    blocks_done: i64,
    blocks_total: i64,
    tuples_done: i64,
    tuples_total: i64,
    lockers_done: i64,
    lockers_total: i64,
}

#[derive(Debug, Serialize)]
struct WaiterReport<'a> {
    #[serde(flatten)]
    who: Who<'a>,
    #[serde(flatten)]
    awaits: LockReport<'a>,
    wait_seconds: f64,
    blocked_by: Vec<i32>,
    root_pids: Vec<i32>,
    root_gids: Vec<&'a str>,
}

/// What could not be seen.
#[derive(Debug, Serialize)]
struct Visibility<'a> {
    complete: bool,
    hidden_sessions: usize,
    unseen_databases: &'a BTreeMap<String, String>,
}

impl<'a> Report<'a> {
    pub(super) fn new(evidence: &'a Evidence, judgement: &'a Judgement, query_text: bool) -> Self {
        let seen = &evidence.visibility;
        Self {
            version: 1,
            taken_at: evidence.taken_at,
            in_recovery: evidence.in_recovery,
            migrations: judgement.migrations.iter().map(|it| migration(it, query_text)).collect(),
            waiting: judgement
                .waiting
                .iter()
                .map(|it| waiter(it, &judgement.parties[&it.holder], query_text))
                .collect(),
            visibility: Visibility {
                complete: seen.is_complete(),
                hidden_sessions: seen.hidden_sessions,
                unseen_databases: &seen.unseen_databases,
            },
        }
    }
}

fn migration(it: &Migration, query_text: bool) -> MigrationReport<'_> {
    MigrationReport {
        who: who(&it.party, query_text),
        phase: &it.phase,
        stuck: it.kind.is_some(),
        kind: it.kind.map(crate::locks::Kind::name),
        relation: it.relation.as_ref().map(|relation| relation.identity.as_str()),
        age_seconds: it.age,
        wait_seconds: it.wait.map(crate::locks::Span::estimate),
        queued: it.queued,
        queued_seconds: it.queued_for,
        culprit_pid: it.culprit.as_ref().and_then(|culprit| culprit.party.pid),
        culprit_kind: it.culprit.as_ref().map(|culprit| culprit.kind.name()),
        culprit: it.culprit.as_ref().map(|culprit| who(&culprit.party, query_text)),
        recognised_by: it.signs.iter().map(|sign| sign.name()).collect(),
        holds: it.holds.iter().map(lock).collect(),
        awaits: it.awaits.as_ref().map(lock),
        progress: it.progress.as_ref().map(progress),
    }
}

fn who(party: &Party, query_text: bool) -> Who<'_> {
    Who {
        pid: party.pid,
        gid: party.gid.as_deref(),
        datname: party.datname.as_deref(),
        usename: party.usename.as_deref(),
        application_name: party.application_name.as_deref(),
        client_addr: party.client_addr.as_deref(),
        state: party.state,
        transaction_seconds: party.transaction_age,
        query: party.query.as_deref().filter(|_| query_text),
    }
}

fn lock(lock: &TableLock) -> LockReport<'_> {
    LockReport { locktype: &lock.locktype, mode: lock.mode.name(), relation: lock.relation.as_deref() }
}

fn progress(progress: &Progress) -> ProgressReport<'_> {
    ProgressReport {
        command: &progress.command,
        blocks_done: progress.blocks.done,
        blocks_total: progress.blocks.total,
        tuples_done: progress.tuples.done,
        tuples_total: progress.tuples.total,
        lockers_done: progress.lockers.done,
        lockers_total: progress.lockers.total,
    }
}

fn waiter<'a>(it: &'a Waiter, party: &'a Party, query_text: bool) -> WaiterReport<'a> {
    let pids = |holders: &[Holder]| holders.iter().filter_map(Holder::pid).collect();
    WaiterReport {
        who: who(party, query_text),
        awaits: lock(&it.awaits),
        wait_seconds: it.wait.estimate(),
        blocked_by: pids(&it.blocked_by),
        root_pids: pids(&it.roots),
        root_gids: it.roots.iter().filter_map(Holder::gid).collect(),
    }
}
