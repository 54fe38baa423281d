//! Who is a migration.
//!
//! Lock modes and progress views speak first; the text of a statement only tells a `VACUUM` from the DDL that takes the
//! same mode. Locks on temporary tables, and on tables that no other session can see yet, say nothing.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use globset::GlobSet;

use super::evidence::{
    Backend, Evidence, Holder, Lock, LockKind, LockTag, Oid, Progress, ProgressView, Session, State,
};
use super::graph::WaitGraph;
use super::mode::LockMode;
use super::party::is_backup;
use super::settings::Settings;
use super::statement;

/// Why a session is taken for a migration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sign {
    /// It holds or awaits a lock on a version table.
    VersionTable,
    /// It holds or awaits a mode that only DDL takes, on a relation or on an object such as a type.
    LockMode,
    /// It waits for the transactions of others to end (virtualxid), as only the concurrent forms of DDL do.
    Concurrently,
    /// It has a row in `pg_stat_progress_create_index` or `pg_stat_progress_cluster`.
    Progress,
    /// It waits while it writes to a system catalog, as in `CREATE TABLE` of a name that another transaction has just used.
    Catalog,
    /// It waits for an advisory lock that a migration holds, as whoever begins a second upgrade does where upgrades are told
    /// to take turns.
    AdvisoryLock,
    /// Its application or user is configured as one that migrates.
    Name,
}

impl Sign {
    /// The word in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::VersionTable => "version_table",
            Self::LockMode => "lock_mode",
            Self::Concurrently => "concurrently",
            Self::Progress => "progress",
            Self::Catalog => "catalog",
            Self::AdvisoryLock => "advisory_lock",
            Self::Name => "name",
        }
    }
}

/// A migration in flight, with what is known of it.
#[derive(Debug)]
pub(super) struct Candidate<'a> {
    pub(super) holder: Holder,
    /// `None` for a prepared transaction.
    pub(super) session: Option<&'a Session>,
    pub(super) locks: &'a [&'a Lock],
    pub(super) progress: Option<&'a Progress>,
    pub(super) wait: Option<&'a Lock>,
    pub(super) signs: BTreeSet<Sign>,
}

/// The first oid that is not a built-in object's (`FirstNormalObjectId`).
const FIRST_NORMAL_OID: Oid = 16384;

/// Object classes that are locked without any DDL: databases (connecting, `NOTIFY`), large objects, subscriptions.
const NOT_DDL_CLASSES: [Oid; 3] = [1262, 2613, 6100];

/// The catalog of large objects and its index, which clients write to.
const LARGE_OBJECTS: [Oid; 2] = [2613, 2683];

/// Every migration in flight. On a standby that is the replay alone: whatever else is seen there began on the primary.
pub(super) fn in_flight<'a>(
    evidence: &'a Evidence,
    graph: &WaitGraph<'a>,
    locks: &'a BTreeMap<Holder, Vec<&'a Lock>>,
    settings: &Settings,
) -> Vec<Candidate<'a>> {
    let awaited: HashSet<&LockTag> = evidence.locks.iter().filter(|lock| !lock.granted).map(|lock| &lock.tag).collect();
    let of_all = locks.iter().map(|(holder, locks)| {
        let session = evidence.session(holder);
        let mut candidate = Candidate {
            session,
            locks,
            progress: session.and_then(|session| evidence.progress.get(&session.pid)),
            wait: graph.wait_of(holder),
            signs: BTreeSet::new(),
            holder: holder.clone(),
        };
        candidate.signs = candidate.signs(evidence, &awaited);
        if session.is_some_and(|session| is_named(session, settings)) {
            candidate.signs.insert(Sign::Name);
        }
        candidate
    });
    let (mut migrations, others): (Vec<_>, Vec<_>) = of_all.partition(|it| it.is_migration(evidence));
    let migrating: HashSet<Holder> = migrations.iter().map(|it| it.holder.clone()).collect();
    migrations.extend(others.into_iter().filter_map(|mut other| {
        let for_advisory = other.wait.is_some_and(|wait| wait.tag.kind == LockKind::Advisory);
        if for_advisory && graph.blockers_of(&other.holder).any(|blocker| migrating.contains(blocker)) {
            other.signs.insert(Sign::AdvisoryLock);
        }
        Some(other).filter(|other| other.is_migration(evidence))
    }));
    migrations
}

impl Candidate<'_> {
    fn is_migration(&self, evidence: &Evidence) -> bool {
        match (self.session, &self.holder) {
            (Some(session), _) if evidence.in_recovery => {
                session.backend == Backend::Startup && (self.wait.is_some() || waits_for_conflict(session))
            }
            (Some(session), _) => {
                // A backup locks every table in a mode that any reader takes, version tables included.
                let may_migrate = matches!(session.backend, Backend::Client | Backend::Hidden);
                may_migrate && !session.own && !is_backup(session) && !self.signs.is_empty()
            }
            // Without a session to ask, only locks that keep others from their work tell something.
            (None, Holder::Prepared(_)) => self.stops_writers(evidence),
            (None, Holder::Session(_)) => false,
        }
    }

    fn signs(&self, evidence: &Evidence, awaited: &HashSet<&LockTag>) -> BTreeSet<Sign> {
        let mut signs = BTreeSet::new();
        if !self.version_tables(evidence).is_empty() {
            signs.insert(Sign::VersionTable);
        }
        let maintenance = self.is_maintenance();
        if !maintenance && self.locks.iter().any(|lock| self.tells_ddl(evidence, lock, awaited)) {
            signs.insert(Sign::LockMode);
        }
        if self.wait.is_some_and(|wait| wait.tag.kind == LockKind::VirtualXid) {
            signs.insert(Sign::Concurrently);
        }
        if self.progress.is_some_and(|row| matches!(row.view, ProgressView::CreateIndex | ProgressView::Cluster)) {
            signs.insert(Sign::Progress);
        }
        if !maintenance && self.wait.is_some() && self.locks.iter().any(|lock| writes_catalog(lock)) {
            signs.insert(Sign::Catalog);
        }
        signs
    }

    fn tells_ddl(&self, evidence: &Evidence, lock: &Lock, awaited: &HashSet<&LockTag>) -> bool {
        match lock.tag.kind {
            LockKind::Relation => {
                // A hidden session in this mode may well be a VACUUM.
                let hidden = self.session.is_some_and(|session| session.state == State::Hidden);
                let tells = lock.mode.is_ddl() && !(hidden && lock.mode == LockMode::ShareUpdateExclusive);
                tells && concerns_others(evidence, lock, awaited)
            }
            LockKind::Object => {
                let ddl = lock.tag.class.is_none_or(|class| !NOT_DDL_CLASSES.contains(&class));
                ddl && (lock.mode.is_ddl() || !lock.granted)
            }
            _ => false,
        }
    }

    /// `VACUUM` and `ANALYZE` take a mode that DDL takes, too.
    fn is_maintenance(&self) -> bool {
        let reported =
            self.progress.is_some_and(|row| matches!(row.view, ProgressView::Vacuum | ProgressView::Analyze));
        reported || self.session.and_then(|session| session.query.as_deref()).is_some_and(statement::is_maintenance)
    }

    /// The version tables that it holds or awaits a lock on.
    pub(super) fn version_tables(&self, evidence: &Evidence) -> BTreeSet<(Oid, Oid)> {
        let on_version_table =
            self.locks.iter().filter(|lock| evidence.relation(&lock.tag).is_some_and(|it| it.version_table));
        on_version_table.filter_map(|lock| Some((lock.tag.database, lock.tag.relation?))).collect()
    }

    /// Whether it uses a version table, or is configured as one that migrates.
    pub(super) fn is_upgrade(&self) -> bool {
        self.signs.contains(&Sign::VersionTable) || self.signs.contains(&Sign::Name)
    }

    /// Whether it has written to a version table, or is configured as one that migrates.
    pub(super) fn writes_version(&self, evidence: &Evidence) -> bool {
        let of_version = |lock: &Lock| evidence.relation(&lock.tag).is_some_and(|relation| relation.version_table);
        let writes = |lock: &Lock| lock.granted && lock.mode >= LockMode::RowExclusive && of_version(lock);
        self.signs.contains(&Sign::Name) || self.locks.iter().any(|lock| writes(lock))
    }

    /// Whether it holds a lock that keeps others from writing, on a relation or object that others can see.
    pub(super) fn stops_writers(&self, evidence: &Evidence) -> bool {
        self.locks.iter().filter(|lock| lock.granted && lock.mode.stops_writers()).any(|lock| match lock.tag.kind {
            LockKind::Relation => evidence.relation(&lock.tag).is_some_and(|relation| !relation.temporary),
            LockKind::Object => lock.tag.class.is_none_or(|class| !NOT_DDL_CLASSES.contains(&class)),
            _ => false,
        })
    }
}

/// Whether anybody else can come upon this lock: not on a temporary table, nor on one that is not committed.
fn concerns_others(evidence: &Evidence, lock: &Lock, awaited: &HashSet<&LockTag>) -> bool {
    match evidence.relation(&lock.tag) {
        Some(relation) => !relation.temporary,
        None => awaited.contains(&lock.tag),
    }
}

/// Whether there is a lock on a table that is not committed, as whoever makes one has.
pub(super) fn makes_tables(evidence: &Evidence, locks: &[&Lock]) -> bool {
    let strongly = |lock: &Lock| lock.granted && lock.tag.kind == LockKind::Relation && lock.mode.stops_writers();
    locks.iter().any(|lock| strongly(lock) && evidence.relation(&lock.tag).is_none())
}

fn writes_catalog(lock: &Lock) -> bool {
    let catalog = |relation: Oid| relation < FIRST_NORMAL_OID && !LARGE_OBJECTS.contains(&relation);
    let writes = lock.granted && lock.mode >= LockMode::RowExclusive;
    writes && lock.tag.kind == LockKind::Relation && lock.tag.relation.is_some_and(catalog)
}

/// Replay that waits for the snapshots or buffer pins of queries, rather than for a lock.
pub(super) fn waits_for_conflict(session: &Session) -> bool {
    session.wait_event.as_deref().is_some_and(|event| event.starts_with("RecoveryConflict"))
}

fn is_named(session: &Session, settings: &Settings) -> bool {
    let named = |name: &Option<String>, patterns: &GlobSet| name.as_ref().is_some_and(|name| patterns.is_match(name));
    session.state != State::Idle
        && (named(&session.application_name, &settings.applications) || named(&session.usename, &settings.users))
}
