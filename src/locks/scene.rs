//! A round sorted for judgement: who waits for whom and for how long, and who is a migration.

use std::collections::BTreeMap;

use super::candidate::{Candidate, in_flight};
use super::evidence::{Evidence, Holder, Lock, LockKind, ProgressView, Session, State};
use super::graph::WaitGraph;
use super::history::History;
use super::settings::Settings;
use super::span::Span;

/// Everything that a diagnosis looks at.
pub(super) struct Scene<'a> {
    pub(super) evidence: &'a Evidence,
    pub(super) history: &'a History,
    pub(super) graph: &'a WaitGraph<'a>,
    pub(super) locks: &'a BTreeMap<Holder, Vec<&'a Lock>>,
    pub(super) candidates: Vec<Candidate<'a>>,
    waited: BTreeMap<&'a Holder, Span>,
}

impl<'a> Scene<'a> {
    pub(super) fn new(
        evidence: &'a Evidence,
        history: &'a History,
        graph: &'a WaitGraph<'a>,
        locks: &'a BTreeMap<Holder, Vec<&'a Lock>>,
        settings: &Settings,
    ) -> Self {
        let candidates = in_flight(evidence, graph, locks, settings);
        let waited =
            graph.waiters().map(|(holder, lock)| (holder, waited(evidence, history, graph, holder, lock))).collect();
        Self { evidence, history, graph, locks, candidates, waited }
    }

    /// How long somebody who waits has waited.
    pub(super) fn waited(&self, holder: &Holder) -> Span {
        self.waited.get(holder).copied().unwrap_or(Span::exact(0.0))
    }

    /// Seconds since its transaction, or its statement where that is older, began.
    pub(super) fn age(&self, candidate: &Candidate) -> Option<f64> {
        let start = match (candidate.session, &candidate.holder) {
            (Some(session), _) => {
                let statement = session.query_start.filter(|_| session.state == State::Active);
                session.xact_start.into_iter().chain(statement).reduce(f64::min)
            }
            (None, Holder::Prepared(gid)) => self.evidence.prepared.get(gid).map(|prepared| prepared.prepared_at),
            (None, Holder::Session(_)) => None,
        };
        start.map(|start| (self.evidence.taken_at - start).max(0.0))
    }
}

/// How long `holder` has waited for `lock`. Where the server does not say, a wait cannot be older than the statement, nor
/// than the transactions of those who hold the lock: had they come later, they would stand in the queue. That is not so of
/// locks that outlive a transaction: advisory ones, and those of a concurrent index build.
fn waited(evidence: &Evidence, history: &History, graph: &WaitGraph, holder: &Holder, lock: &Lock) -> Span {
    let now = evidence.taken_at;
    if let Some(start) = lock.wait_start {
        return Span::exact(now - start);
    }
    let Some(session) = evidence.session(holder) else { return Span::exact(0.0) };
    let outlives = |blocker: &Session| {
        let builds = evidence.progress.get(&blocker.pid).is_some_and(|row| row.view == ProgressView::CreateIndex);
        lock.tag.kind == LockKind::Advisory || builds && lock.tag.kind == LockKind::Relation
    };
    let blockers = graph.blockers_of(holder).filter(|blocker| graph.wait_of(blocker).is_none());
    let blockers = blockers.filter_map(|blocker| evidence.session(blocker));
    let starts = blockers.filter(|blocker| !outlives(blocker)).filter_map(|blocker| blocker.xact_start);
    let earliest = starts.chain(session.query_start).reduce(f64::max);
    // What was seen before this statement began was another wait for the same lock.
    let seen = history.awaits_lock_since(session, &lock.tag).unwrap_or(now);
    let seen = session.query_start.map_or(seen, |start| seen.max(start));
    Span::between(now - seen, earliest.map_or(f64::INFINITY, |earliest| now - earliest))
}
