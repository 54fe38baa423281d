//! Builds evidence by hand, a session and a lock at a time.

use globset::GlobSet;

use super::evidence::{
    Backend, Catalog, Count, Evidence, Holder, Lock, LockKind, LockTag, Oid, Prepared, Progress, ProgressView,
    Relation, Session, State,
};
use super::history::History;
use super::judge::{Judgement, Migration, judge};
use super::mode::LockMode;
use super::party::CulpritKind;
use super::settings::Settings;

/// The database of every session, unless told otherwise.
pub(super) const APP: Oid = 5;
/// A table.
pub(super) const USERS: Oid = 20_000;
/// Another table.
pub(super) const ORDERS: Oid = 20_001;
/// The version table.
pub(super) const VERSIONS: Oid = 20_002;
/// A temporary table.
pub(super) const SCRATCH: Oid = 20_003;
/// A table that no other session can see yet.
pub(super) const UNCOMMITTED: Oid = 29_999;
/// `pg_class`.
pub(super) const PG_CLASS: Oid = 1259;

/// A server in the making.
pub(super) struct World {
    pub(super) evidence: Evidence,
    pub(super) history: History,
    pub(super) settings: Settings,
}

impl World {
    pub(super) fn new() -> Self {
        let relation = |name: &str, temporary| Relation {
            schema: "public".to_owned(),
            name: name.to_owned(),
            identity: format!("public.{name}"),
            temporary,
            version_table: name == "alembic_version",
        };
        let relations = [
            (USERS, relation("users", false)),
            (ORDERS, relation("orders", false)),
            (VERSIONS, relation("alembic_version", false)),
            (SCRATCH, relation("scratch", true)),
        ];
        let catalog = Catalog { datname: "app".to_owned(), relations: relations.into(), detaching: Vec::new() };
        let evidence = Evidence { taken_at: 1000.0, catalogs: [(APP, catalog)].into(), ..Evidence::default() };
        let nobody = GlobSet::empty();
        let settings = Settings { stuck_after: 5.0, applications: nobody.clone(), users: nobody };
        Self { evidence, history: History::default(), settings }
    }

    /// A client that has run a statement for this long.
    pub(super) fn active(&mut self, pid: i32, seconds: f64) -> &mut Session {
        self.session(pid, State::Active, seconds)
    }

    /// A client that has left its transaction open for this long.
    pub(super) fn idle_in_transaction(&mut self, pid: i32, seconds: f64) -> &mut Session {
        self.session(pid, State::IdleInTransaction, seconds)
    }

    pub(super) fn session(&mut self, pid: i32, state: State, seconds: f64) -> &mut Session {
        let start = Some(self.evidence.taken_at - seconds);
        let session = Session {
            pid,
            backend_start: Some(i64::from(pid)),
            leader_pid: None,
            database: Some(APP),
            datname: Some("app".to_owned()),
            usename: Some("app".to_owned()),
            application_name: None,
            client_addr: None,
            backend: Backend::Client,
            state,
            xact_start: start.filter(|_| state != State::Idle),
            query_start: start,
            state_change: start,
            wait_event: None,
            xmin_age: None,
            query: None,
            own: false,
        };
        self.evidence.sessions.entry(pid).insert_entry(session).into_mut()
    }

    pub(super) fn prepared(&mut self, gid: &str, seconds: f64) -> Holder {
        let prepared_at = self.evidence.taken_at - seconds;
        let prepared = Prepared { prepared_at, owner: "app".to_owned(), datname: "app".to_owned() };
        self.evidence.prepared.insert(gid.to_owned(), prepared);
        Holder::Prepared(gid.to_owned())
    }

    pub(super) fn holds(&mut self, holder: impl Into<Holder>, tag: LockTag, mode: LockMode) {
        self.evidence.locks.push(Lock { holder: holder.into(), tag, mode, granted: true, wait_start: None });
    }

    /// Awaits a lock, for a time that the server tells.
    pub(super) fn awaits(&mut self, pid: i32, tag: LockTag, mode: LockMode, seconds: f64) {
        let wait_start = Some(self.evidence.taken_at - seconds);
        self.evidence.locks.push(Lock { holder: pid.into(), tag, mode, granted: false, wait_start });
    }

    /// Awaits a lock, as a server shows it that does not tell since when.
    pub(super) fn awaits_untimed(&mut self, pid: i32, tag: LockTag, mode: LockMode) {
        self.evidence.locks.push(Lock { holder: pid.into(), tag, mode, granted: false, wait_start: None });
    }

    pub(super) fn builds_index(&mut self, pid: i32, phase: &str, blocks: i64) {
        let progress = Progress {
            view: ProgressView::CreateIndex,
            command: "CREATE INDEX CONCURRENTLY".to_owned(),
            relation: USERS,
            index: 0,
            phase: phase.to_owned(),
            blocks: Count { done: blocks, total: 100 },
            tuples: Count::default(),
            lockers: Count::default(),
        };
        self.evidence.progress.insert(pid, progress);
    }

    /// Lets time pass, with everything as it is.
    pub(super) fn later(&mut self, seconds: f64) {
        self.judge();
        self.evidence.taken_at += seconds;
    }

    pub(super) fn judge(&mut self) -> Judgement {
        self.history.observe(&self.evidence);
        judge(&self.evidence, &self.history, &self.settings)
    }

    /// The one migration in flight.
    pub(super) fn migration(&mut self) -> Migration {
        let mut migrations = self.judge().migrations;
        assert_eq!(migrations.len(), 1, "{migrations:#?}");
        migrations.remove(0)
    }

    pub(super) fn migration_of(&mut self, pid: i32) -> Migration {
        let migrations = self.judge().migrations;
        migrations.into_iter().find(|migration| migration.party.pid == Some(pid)).unwrap()
    }
}

impl From<i32> for Holder {
    fn from(pid: i32) -> Self {
        Self::Session(pid)
    }
}

fn tag(kind: LockKind, relation: Option<Oid>, detail: &str) -> LockTag {
    LockTag { kind, database: APP, relation, class: None, detail: detail.to_owned() }
}

pub(super) fn table(relation: Oid) -> LockTag {
    tag(LockKind::Relation, Some(relation), "")
}

pub(super) fn row(relation: Oid) -> LockTag {
    tag(LockKind::Tuple, Some(relation), "0/1")
}

pub(super) fn transaction(xid: u32) -> LockTag {
    LockTag { database: 0, ..tag(LockKind::TransactionId, None, &xid.to_string()) }
}

pub(super) fn virtual_transaction(vxid: &str) -> LockTag {
    LockTag { database: 0, ..tag(LockKind::VirtualXid, None, vxid) }
}

pub(super) fn advisory(key: &str) -> LockTag {
    tag(LockKind::Advisory, None, key)
}

pub(super) fn object(class: Oid) -> LockTag {
    LockTag { class: Some(class), ..tag(LockKind::Object, None, "30000") }
}

/// Kind and pid of whoever is at fault.
pub(super) fn culprit(migration: &Migration) -> (CulpritKind, Option<i32>) {
    let culprit = migration.culprit.as_ref().expect("a stuck migration has a culprit");
    (culprit.kind, culprit.party.pid)
}

/// A migration (2) that waits for a reader (1).
pub(super) fn alter_behind_reader(wait: f64) -> World {
    let mut world = World::new();
    world.active(1, 60.0);
    world.holds(1, table(USERS), LockMode::AccessShare);
    world.active(2, wait);
    world.awaits(2, table(USERS), LockMode::AccessExclusive, wait);
    world
}
