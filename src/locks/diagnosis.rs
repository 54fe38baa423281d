//! What holds a migration up, and whose fault that is.

use super::candidate::{Candidate, Sign, makes_tables};
use super::evidence::{Backend, Holder, Lock, LockKind, Progress, ProgressView, Session, State};
use super::mode::LockMode;
use super::party::{CulpritKind, Party};
use super::scene::Scene;
use super::span::Span;
use super::statement;

/// How a migration is stuck. Where several would do, the first that applies in the order of [`diagnose`] is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// It waits for a lock (relation, row, object, advisory) that another session holds or waits for in front of it.
    LockWait,
    /// It is idle in transaction while it holds Share, ShareRowExclusive, Exclusive or AccessExclusive on something
    /// that others use, or somebody waits for what else it holds. It is its own culprit.
    Abandoned,
    /// A concurrent form of DDL (`CREATE`, `REINDEX` or `DROP INDEX CONCURRENTLY`, `DETACH PARTITION CONCURRENTLY`)
    /// waits for transactions that were open before it (virtualxid).
    ConcurrentIndexWait,
    /// It waits for its version table, for a row in it, or for another upgrade of the same version table.
    VersionTableConflict,
    /// The root of its chain is a prepared transaction; or it is itself one that nobody finished.
    PreparedTransaction,
    /// The root of its chain is an autovacuum worker that has not yielded.
    Autovacuum,
    /// On a standby: the replay of the primary's changes waits behind a query.
    Replay,
    /// It runs, waits for no lock, and what the server counts of its work stands still; or its commit waits for a
    /// synchronous standby.
    NoProgress,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 8] = [
        Self::LockWait,
        Self::Abandoned,
        Self::ConcurrentIndexWait,
        Self::VersionTableConflict,
        Self::PreparedTransaction,
        Self::Autovacuum,
        Self::Replay,
        Self::NoProgress,
    ];

    /// The word in JSON and in labels.
    pub fn name(self) -> &'static str {
        match self {
            Self::LockWait => "lock_wait",
            Self::Abandoned => "abandoned",
            Self::ConcurrentIndexWait => "concurrent_index_wait",
            Self::VersionTableConflict => "version_table_conflict",
            Self::PreparedTransaction => "prepared_transaction",
            Self::Autovacuum => "autovacuum",
            Self::Replay => "replay",
            Self::NoProgress => "no_progress",
        }
    }
}

/// What holds a migration up, before it is asked whether that has lasted long enough.
pub(super) struct Diagnosis {
    pub(super) kind: Kind,
    pub(super) lasts: Span,
    pub(super) culprit: CulpritKind,
    /// `None` where the culprit is no session of this server.
    pub(super) who: Option<Holder>,
}

impl<'a> Scene<'a> {
    /// What holds a migration up, whether or not for long enough.
    pub(super) fn diagnose(&self, candidate: &Candidate) -> Option<Diagnosis> {
        let itself = Some(candidate.holder.clone());
        if let Some(wait) = candidate.wait {
            // Where whoever was in the way has ended since the locks were read, the wait is as good as over.
            let root = self.root_of(&candidate.holder)?;
            let culprit = self.culprit_kind(root);
            let kind = self.wait_kind(candidate, wait, culprit);
            // Of a first upgrade that is not committed nobody sees more than that it makes tables.
            let makes_tables = self.locks.get(root).is_some_and(|locks| makes_tables(self.evidence, locks));
            let culprit = match kind {
                Kind::VersionTableConflict if makes_tables => CulpritKind::Migration,
                _ => culprit,
            };
            return Some(Diagnosis { kind, lasts: self.waited(&candidate.holder), culprit, who: Some(root.clone()) });
        }
        let Some(session) = candidate.session else {
            let age = self.age(candidate)?;
            let culprit = CulpritKind::PreparedTransaction;
            return Some(Diagnosis { kind: Kind::PreparedTransaction, lasts: Span::exact(age), culprit, who: itself });
        };
        let now = self.evidence.taken_at;
        if session.backend == Backend::Startup {
            let oldest = self.oldest_snapshot();
            let who = oldest.map(|session| Holder::Session(session.pid));
            return Some(Diagnosis {
                kind: Kind::Replay,
                lasts: self.in_wait_event(session, oldest.and_then(|session| session.xact_start)),
                culprit: who.as_ref().map_or(CulpritKind::Hidden, |who| self.culprit_kind(who)),
                who,
            });
        }
        if session.state.is_idle_in_transaction() {
            let idle_since = session.state_change.filter(|_| self.leaves_locks_behind(candidate))?;
            let lasts = Span::exact(now - idle_since);
            return Some(Diagnosis { kind: Kind::Abandoned, lasts, culprit: CulpritKind::Migration, who: itself });
        }
        if waits_for_standby(session) {
            let lasts = self.in_wait_event(session, session.query_start);
            let culprit = CulpritKind::SynchronousStandby;
            return Some(Diagnosis { kind: Kind::NoProgress, lasts, culprit, who: None });
        }
        let since = self.history.unchanged_since(session).filter(|_| is_counted(session, candidate.progress))?;
        let lasts = Span::between(now - since, f64::INFINITY);
        Some(Diagnosis { kind: Kind::NoProgress, lasts, culprit: CulpritKind::Migration, who: itself })
    }

    /// Whether a transaction that nobody continues keeps others from what it has locked. That is believed before anybody comes
    /// by where it stops writers, and of an upgrade that has made tables; as soon as somebody waits where it has locked
    /// something in a weaker mode, or is an upgrade that has written rows.
    fn leaves_locks_behind(&self, candidate: &Candidate) -> bool {
        let in_the_way = || self.graph.queued_behind(&candidate.holder).next().is_some();
        candidate.stops_writers(self.evidence)
            || candidate.is_upgrade() && makes_tables(self.evidence, candidate.locks)
            || (candidate.signs.contains(&Sign::LockMode) || candidate.writes_version(self.evidence)) && in_the_way()
    }

    fn wait_kind(&self, candidate: &Candidate, wait: &Lock, culprit: CulpritKind) -> Kind {
        if self.evidence.in_recovery {
            return Kind::Replay;
        }
        match culprit {
            CulpritKind::PreparedTransaction => Kind::PreparedTransaction,
            CulpritKind::Autovacuum => Kind::Autovacuum,
            _ if wait.tag.kind == LockKind::VirtualXid => Kind::ConcurrentIndexWait,
            _ if self.is_version_table_conflict(candidate, wait) => Kind::VersionTableConflict,
            _ => Kind::LockWait,
        }
    }

    /// Whether the wait is for the version table itself, or for somebody who upgrades by the same table.
    fn is_version_table_conflict(&self, candidate: &Candidate, wait: &Lock) -> bool {
        let tables = candidate.version_tables(self.evidence);
        let on_tables =
            |lock: &Lock| lock.tag.relation.is_some_and(|relation| tables.contains(&(lock.tag.database, relation)));
        let for_transaction = wait.tag.kind == LockKind::TransactionId;
        let creates_table = candidate
            .session
            .and_then(|session| session.query.as_deref())
            .is_some_and(statement::creates_version_table);
        on_tables(wait)
            || for_transaction && creates_table
            || self.graph.blockers_of(&candidate.holder).filter_map(|blocker| self.locks.get(blocker)).any(|locks| {
                let strongest = locks.iter().filter(|lock| on_tables(lock)).map(|lock| lock.mode).max();
                let changes_schema = locks.iter().any(|lock| lock.tag.kind == LockKind::Relation && lock.mode.is_ddl());
                strongest.is_some_and(|mode| changes_schema || for_transaction && mode >= LockMode::RowShare)
            })
    }

    /// The root whose transaction is the oldest.
    fn root_of(&self, holder: &Holder) -> Option<&Holder> {
        let age = |root: &&Holder| Party::new(self.evidence, root).transaction_age.unwrap_or_default();
        self.graph.roots_of(holder).into_iter().max_by(|a, b| age(a).total_cmp(&age(b)))
    }

    fn culprit_kind(&self, holder: &Holder) -> CulpritKind {
        let migrates = |candidate: &Candidate| candidate.session.is_some() && candidate.holder == *holder;
        if self.evidence.session(holder).is_some_and(waits_for_standby) {
            // Whoever waits for this commit waits for the standby as well.
            CulpritKind::SynchronousStandby
        } else if self.candidates.iter().any(migrates) {
            CulpritKind::Migration
        } else {
            CulpritKind::of(self.evidence, holder)
        }
    }

    /// How long a session has been in its wait event, which began after `bound`.
    fn in_wait_event(&self, session: &Session, bound: Option<f64>) -> Span {
        let now = self.evidence.taken_at;
        let seen = self.history.in_wait_event_since(session).unwrap_or(now);
        Span::between(
            now - bound.map_or(seen, |bound| seen.max(bound)),
            bound.map_or(f64::INFINITY, |bound| now - bound),
        )
    }

    /// The session that needs the oldest snapshot, for which replay waits.
    fn oldest_snapshot(&self) -> Option<&'a Session> {
        self.evidence
            .sessions
            .values()
            .filter(|session| session.xmin_age.is_some())
            .max_by_key(|session| session.xmin_age)
    }
}

/// Whether a commit waits for a synchronous standby; it keeps its locks meanwhile.
pub(super) fn waits_for_standby(session: &Session) -> bool {
    session.state == State::Active && session.wait_event.as_deref() == Some("SyncRep")
}

/// The parts of an index build, a CLUSTER or a VACUUM FULL that the server counts block by block or tuple by tuple. Sorting
/// is not counted, nor is what other access methods than btree do between two blocks. Totals tell nothing: a scan says
/// "all" while it is in its first block.
/// Source: <https://www.postgresql.org/docs/current/progress-reporting.html>.
const COUNTED: [&str; 3] = ["scanning", "loading", "writing"];

/// Whether the session is in a part of its work that is counted, so that standing still means something.
fn is_counted(session: &Session, progress: Option<&Progress>) -> bool {
    let Some(progress) = progress.filter(|_| session.state == State::Active) else { return false };
    let event = session.wait_event.as_deref().unwrap_or_default();
    match progress.view {
        // The client of a COPY may be what stands still.
        ProgressView::Copy => event.starts_with("Client"),
        ProgressView::CreateIndex | ProgressView::Cluster => {
            let waits_for_workers = event.starts_with("Parallel");
            !waits_for_workers && COUNTED.iter().any(|part| progress.phase.contains(part))
        }
        ProgressView::Vacuum | ProgressView::Analyze => false,
    }
}
