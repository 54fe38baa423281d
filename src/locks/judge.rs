//! Which migrations are stuck, how, and by whose fault.

use std::collections::{BTreeMap, BTreeSet};

use super::candidate::{Candidate, Sign};
use super::diagnosis::{Diagnosis, Kind, waits_for_standby};
use super::evidence::{Backend, Evidence, Holder, Lock, LockKind, Progress, Relation, State};
use super::graph::WaitGraph;
use super::history::History;
use super::mode::LockMode;
use super::party::{Culprit, CulpritKind, Party};
use super::scene::Scene;
use super::settings::Settings;
use super::span::{Reached, Span};

/// What one round comes to.
#[derive(Clone, Debug)]
pub struct Judgement {
    /// Every migration in flight: the stuck ones first, then those with the longest queue behind them, then the oldest.
    pub migrations: Vec<Migration>,
    /// Everybody who waits for a lock, whoever it is, the longest wait first.
    pub waiting: Vec<Waiter>,
    /// Everybody who waits or is waited for.
    pub parties: BTreeMap<Holder, Party>,
    /// A wait has lasted for an unknown time: a round `stuck_after` later tells whether it is a stuck one.
    pub unconfirmed: bool,
}

/// A migration in flight.
#[derive(Clone, Debug)]
pub struct Migration {
    /// Who runs it.
    pub party: Party,
    /// Why it is taken for one.
    pub signs: BTreeSet<Sign>,
    /// What it is doing: the phase of its progress view, or one of `running`, `waiting`, `committing`, `replaying`,
    /// `prepared`, `idle`, `idle in transaction`, `idle in transaction (aborted)`, `hidden`.
    pub phase: String,
    /// How it is stuck; `None` where it is not.
    pub kind: Option<Kind>,
    /// The relation that it is about: the one it waits for, else the one it works on or holds most strongly.
    pub relation: Option<Relation>,
    /// Seconds since its transaction, or its statement where that is older, began.
    pub age: Option<f64>,
    /// How long it has waited, been idle or stood still.
    pub wait: Option<Span>,
    /// Tables that it holds in a mode that DDL takes, and version tables.
    pub holds: Vec<TableLock>,
    /// What it waits for.
    pub awaits: Option<TableLock>,
    /// Sessions whose chain leads through it.
    pub queued: usize,
    /// The longest of their waits.
    pub queued_for: Option<f64>,
    /// Whose fault it is that it is stuck.
    pub culprit: Option<Culprit>,
    /// The row of its progress view.
    pub progress: Option<Progress>,
}

/// A lock as a person reads it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TableLock {
    /// The relation, where it is one and its name is known.
    pub relation: Option<String>,
    /// `pg_locks.locktype`.
    pub locktype: String,
    /// Mode.
    pub mode: LockMode,
}

/// Somebody who waits for a lock.
#[derive(Clone, Debug)]
pub struct Waiter {
    /// Who waits.
    pub holder: Holder,
    /// For what.
    pub awaits: TableLock,
    /// How long.
    pub wait: Span,
    /// Whom it waits for directly.
    pub blocked_by: Vec<Holder>,
    /// The ends of all its chains.
    pub roots: Vec<Holder>,
}

/// Judges a round. `history` has observed it already.
pub fn judge(evidence: &Evidence, history: &History, settings: &Settings) -> Judgement {
    let graph = WaitGraph::new(evidence);
    let locks = evidence.locks_by_leader();
    let scene = Scene::new(evidence, history, &graph, &locks, settings);
    let judge = Judge { scene: &scene, evidence, graph: &graph, settings };
    let (mut migrations, unconfirmed): (Vec<_>, Vec<_>) = scene.candidates.iter().map(|it| judge.migration(it)).unzip();
    migrations.sort_by(|a, b| {
        let rank = |it: &Migration| (it.kind.is_none(), std::cmp::Reverse(it.queued));
        let age = |it: &Migration| it.age.unwrap_or_default();
        rank(a).cmp(&rank(b)).then(age(b).total_cmp(&age(a)))
    });
    let mut waiting: Vec<Waiter> = graph.waiters().map(|(holder, lock)| judge.waiter(holder, lock)).collect();
    waiting.sort_by(|a, b| b.wait.estimate().total_cmp(&a.wait.estimate()));
    let everybody: BTreeSet<&Holder> =
        waiting.iter().flat_map(|waiter| waiter.blocked_by.iter().chain([&waiter.holder])).collect();
    let parties = everybody.into_iter().map(|holder| (holder.clone(), Party::new(evidence, holder))).collect();
    Judgement { migrations, waiting, parties, unconfirmed: unconfirmed.contains(&true) }
}

/// Puts what was seen and found into words.
struct Judge<'a> {
    scene: &'a Scene<'a>,
    evidence: &'a Evidence,
    graph: &'a WaitGraph<'a>,
    settings: &'a Settings,
}

impl Judge<'_> {
    /// The migration, and whether another round is needed to tell whether it is stuck.
    fn migration(&self, candidate: &Candidate) -> (Migration, bool) {
        let diagnosis = self.scene.diagnose(candidate);
        let reached = diagnosis.as_ref().map(|it| it.lasts.reached(self.settings.stuck_after));
        let stuck = diagnosis.as_ref().filter(|_| reached == Some(Reached::Yes));
        // Standing still needs a sample that was asked for; a wait does not, and is looked into.
        let unconfirmed = reached == Some(Reached::Unknown)
            && diagnosis
                .as_ref()
                .is_some_and(|it| it.kind != Kind::NoProgress || it.culprit == CulpritKind::SynchronousStandby);
        let queued: Vec<f64> =
            self.graph.queued_behind(&candidate.holder).map(|holder| self.scene.waited(holder).estimate()).collect();
        let migration = Migration {
            party: self.party(candidate),
            signs: candidate.signs.clone(),
            phase: phase(candidate),
            kind: stuck.map(|it| it.kind),
            relation: self.subject(candidate, diagnosis.as_ref().map(|it| it.kind)),
            age: self.scene.age(candidate),
            wait: diagnosis
                .as_ref()
                .map(|it| it.lasts)
                .filter(|span| span.estimate() > 0.0 || candidate.wait.is_some()),
            holds: self.holds(candidate),
            awaits: candidate.wait.map(|lock| self.table_lock(lock)),
            queued: queued.len(),
            queued_for: queued.into_iter().reduce(f64::max),
            culprit: stuck.map(|it| self.culprit(it)),
            progress: candidate.progress.cloned(),
        };
        (migration, unconfirmed)
    }

    fn waiter(&self, holder: &Holder, lock: &Lock) -> Waiter {
        Waiter {
            holder: holder.clone(),
            awaits: self.table_lock(lock),
            wait: self.scene.waited(holder),
            blocked_by: self.graph.blockers_of(holder).cloned().collect(),
            roots: self.graph.roots_of(holder).into_iter().cloned().collect(),
        }
    }

    fn culprit(&self, diagnosis: &Diagnosis) -> Culprit {
        // Somebody who is no session of this server has no name here.
        let party = diagnosis.who.as_ref().map_or_else(Party::default, |holder| Party::new(self.evidence, holder));
        Culprit { kind: diagnosis.culprit, party }
    }

    fn table_lock(&self, lock: &Lock) -> TableLock {
        TableLock {
            relation: self.evidence.relation(&lock.tag).map(|relation| relation.identity.clone()),
            locktype: lock.tag.kind.name().to_owned(),
            mode: lock.mode,
        }
    }

    /// The locks that matter of those it holds: in modes that DDL takes and on version tables, temporary tables left out.
    fn held<'b>(&'b self, candidate: &'b Candidate) -> impl Iterator<Item = (&'b Lock, &'b Relation)> {
        let held = candidate.locks.iter().filter(|lock| lock.granted && lock.tag.kind == LockKind::Relation);
        let named = held.filter_map(|lock| Some((*lock, self.evidence.relation(&lock.tag)?)));
        named.filter(|(lock, relation)| !relation.temporary && (lock.mode.is_ddl() || relation.version_table))
    }

    /// The same as a person reads it: each table once, with the strongest mode, the strongest first.
    fn holds(&self, candidate: &Candidate) -> Vec<TableLock> {
        let mut strongest: BTreeMap<&str, TableLock> = BTreeMap::new();
        for (lock, relation) in self.held(candidate) {
            let held = strongest.entry(&relation.identity).or_insert_with(|| self.table_lock(lock));
            held.mode = held.mode.max(lock.mode);
        }
        let mut holds: Vec<TableLock> = strongest.into_values().collect();
        holds.sort_by_key(|held| std::cmp::Reverse(held.mode));
        holds
    }

    /// Who it is. Replay has no database of its own: it is in that of the table that it waits for.
    fn party(&self, candidate: &Candidate) -> Party {
        let mut party = Party::new(self.evidence, &candidate.holder);
        let awaited = candidate.wait.and_then(|wait| self.evidence.catalogs.get(&wait.tag.database));
        party.datname = party.datname.or_else(|| Some(awaited?.datname.clone()));
        party
    }

    fn subject(&self, candidate: &Candidate, kind: Option<Kind>) -> Option<Relation> {
        let database = candidate.session.and_then(|session| session.database);
        let awaited = || self.evidence.relation(&candidate.wait?.tag);
        let version_table = || {
            let (database, relation) = candidate.version_tables(self.evidence).into_iter().next()?;
            self.evidence.relation_of(database, relation).filter(|_| kind == Some(Kind::VersionTableConflict))
        };
        let worked_on = || self.evidence.relation_of(database?, candidate.progress?.relation);
        let held = || {
            let strongest = self.held(candidate).max_by_key(|(lock, _)| lock.mode);
            strongest.map(|(_, relation)| relation)
        };
        // DETACH PARTITION CONCURRENTLY holds nothing while it waits.
        let detached = || match self.evidence.catalogs.get(&database?)?.detaching.as_slice() {
            [partition] if candidate.signs.contains(&Sign::Concurrently) => {
                self.evidence.relation_of(database?, *partition)
            }
            _ => None,
        };
        awaited().or_else(version_table).or_else(worked_on).or_else(held).or_else(detached).cloned()
    }
}

fn phase(candidate: &Candidate) -> String {
    if let Some(progress) = candidate.progress.filter(|progress| !progress.phase.is_empty()) {
        return progress.phase.clone();
    }
    let Some(session) = candidate.session else { return "prepared".to_owned() };
    let phase = match session.state {
        _ if session.backend == Backend::Startup => "replaying",
        _ if candidate.wait.is_some() => "waiting",
        _ if waits_for_standby(session) => "committing",
        State::Active => "running",
        state => state.name().unwrap_or("hidden"),
    };
    phase.to_owned()
}
