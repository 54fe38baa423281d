//! What one round saw: plain data, no judgement.
//!
//! Times are read by the server's clock, so that the clock of the machine that pgwarden runs on does not matter.
//! What a role may not see is absent (`None`, or a `Hidden` variant), never a default.

use std::collections::BTreeMap;

use super::mode::LockMode;

/// Seconds since the Unix epoch by the server's clock.
pub type Timestamp = f64;

/// An object identifier.
pub type Oid = u32;

/// One round of observation of a whole server.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    /// When the round was taken.
    pub taken_at: Timestamp,
    /// Whether the server is a standby that replays another one's changes.
    pub in_recovery: bool,
    /// The sessions that hold or await something, by pid; the one that looks is left out.
    pub sessions: BTreeMap<i32, Session>,
    /// Lock rows: everything awaited, what stands in its way, and what tells a migration.
    pub locks: Vec<Lock>,
    /// Rows of the progress views, at most one per pid.
    pub progress: BTreeMap<i32, Progress>,
    /// Prepared transactions by global identifier.
    pub prepared: BTreeMap<String, Prepared>,
    /// What is known of each database that was looked into, by its oid.
    pub catalogs: BTreeMap<Oid, Catalog>,
    /// What could not be seen.
    pub visibility: Visibility,
}

/// A server process.
#[derive(Clone, Debug)]
pub struct Session {
    /// Process id.
    pub pid: i32,
    /// When the process began, in microseconds since the epoch: with the pid it names one session for good.
    pub backend_start: Option<i64>,
    /// The session that this parallel worker works for.
    pub leader_pid: Option<i32>,
    /// The database it is connected to.
    pub database: Option<Oid>,
    /// Name of that database.
    pub datname: Option<String>,
    /// Role.
    pub usename: Option<String>,
    /// What the client calls itself.
    pub application_name: Option<String>,
    /// Address of the client; `None` also for a unix socket.
    pub client_addr: Option<String>,
    /// What kind of process it is.
    pub backend: Backend,
    /// What it is doing.
    pub state: State,
    /// Start of its transaction.
    pub xact_start: Option<Timestamp>,
    /// Start of its statement, or of the last one.
    pub query_start: Option<Timestamp>,
    /// When `state` last changed.
    pub state_change: Option<Timestamp>,
    /// `wait_event` of `pg_stat_activity`.
    pub wait_event: Option<String>,
    /// Age in transactions of the oldest snapshot it needs (`age(backend_xmin)`).
    pub xmin_age: Option<i64>,
    /// The statement, or the last one; shown to people, never a label.
    pub query: Option<String>,
    /// It is pgwarden's: never a migration, whatever it reads, but it may be in somebody's way.
    pub own: bool,
}

/// What kind of process a session is (`pg_stat_activity.backend_type`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// Serves a client, or does an extension's work in a database.
    Client,
    /// Helps another session with one statement.
    ParallelWorker,
    /// Vacuums or analyses by itself.
    Autovacuum {
        /// Against transaction id wraparound: does not yield to anybody who waits.
        wraparound: bool,
    },
    /// Streams changes to a standby or a subscriber.
    WalSender,
    /// Applies a subscription's changes.
    LogicalReplication,
    /// Replays the primary's changes on a standby.
    Startup,
    /// Another process of the server.
    Auxiliary,
    /// The role may not see it.
    Hidden,
}

/// What a session is doing (`pg_stat_activity.state`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Runs a statement.
    Active,
    /// Waits for its client, outside a transaction.
    Idle,
    /// Waits for its client, inside a transaction.
    IdleInTransaction,
    /// The same after an error: it keeps what it locked before its last savepoint.
    IdleInTransactionAborted,
    /// The role may not see it, or `track_activities` is off.
    Hidden,
}

impl State {
    /// Whether a transaction is open while the client does something else.
    pub fn is_idle_in_transaction(self) -> bool {
        matches!(self, Self::IdleInTransaction | Self::IdleInTransactionAborted)
    }

    /// The word of `pg_stat_activity.state`; `None` when hidden.
    pub fn name(self) -> Option<&'static str> {
        match self {
            Self::Active => Some("active"),
            Self::Idle => Some("idle"),
            Self::IdleInTransaction => Some("idle in transaction"),
            Self::IdleInTransactionAborted => Some("idle in transaction (aborted)"),
            Self::Hidden => None,
        }
    }
}

/// Who holds or awaits a lock.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Holder {
    /// A server process.
    Session(i32),
    /// A prepared transaction, which has no process; by its global identifier.
    Prepared(String),
}

impl Holder {
    /// The process, where it is one.
    pub fn pid(&self) -> Option<i32> {
        match self {
            Self::Session(pid) => Some(*pid),
            Self::Prepared(_) => None,
        }
    }

    /// The global identifier of a prepared transaction.
    pub fn gid(&self) -> Option<&str> {
        match self {
            Self::Session(_) => None,
            Self::Prepared(gid) => Some(gid),
        }
    }
}

/// What a lock is on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LockTag {
    /// `pg_locks.locktype`.
    pub kind: LockKind,
    /// The database; 0 for what is shared by all.
    pub database: Oid,
    /// The relation, for a lock on one or on a part of it.
    pub relation: Option<Oid>,
    /// Catalog of the object, for a lock on an object that is no relation.
    pub class: Option<Oid>,
    /// What else tells this object from others of its kind: page and tuple, transaction, key.
    pub detail: String,
}

/// `pg_locks.locktype`, as far as it makes a difference.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum LockKind {
    /// A table, index, view, sequence.
    Relation,
    /// A row version; held briefly by the first who waits for the row.
    Tuple,
    /// The end of a transaction that changed something.
    TransactionId,
    /// The end of any transaction, awaited by the concurrent forms of DDL.
    VirtualXid,
    /// A type, schema, role, database.
    Object,
    /// What the application says it is.
    Advisory,
    /// Another one, by its name.
    Other(String),
}

impl LockKind {
    /// From the word of `pg_locks.locktype`.
    pub fn parse(name: &str) -> Self {
        match name {
            "relation" => Self::Relation,
            "tuple" => Self::Tuple,
            "transactionid" => Self::TransactionId,
            "virtualxid" => Self::VirtualXid,
            "object" => Self::Object,
            "advisory" => Self::Advisory,
            other => Self::Other(other.to_owned()),
        }
    }

    /// The word of `pg_locks.locktype`.
    pub fn name(&self) -> &str {
        match self {
            Self::Relation => "relation",
            Self::Tuple => "tuple",
            Self::TransactionId => "transactionid",
            Self::VirtualXid => "virtualxid",
            Self::Object => "object",
            Self::Advisory => "advisory",
            Self::Other(name) => name,
        }
    }
}

/// One row of `pg_locks`.
#[derive(Clone, Debug)]
pub struct Lock {
    /// Who holds or awaits it.
    pub holder: Holder,
    /// What it is on.
    pub tag: LockTag,
    /// How.
    pub mode: LockMode,
    /// Held, or awaited.
    pub granted: bool,
    /// Since when it is awaited: from PostgreSQL 14 on, absent for a moment at first, and always for the startup process.
    pub wait_start: Option<Timestamp>,
}

/// One row of a progress view.
#[derive(Clone, Debug, PartialEq)]
pub struct Progress {
    /// Which view.
    pub view: ProgressView,
    /// What is run, such as `CREATE INDEX CONCURRENTLY`; empty where the view does not say.
    pub command: String,
    /// The table.
    pub relation: Oid,
    /// The index that is built, 0 while there is none.
    pub index: Oid,
    /// The view's `phase`; empty where it has none.
    pub phase: String,
    /// Blocks done and in all, in this phase; bytes for `COPY`.
    pub blocks: Count,
    /// Tuples done and in all, in this phase.
    pub tuples: Count,
    /// Sessions waited for and in all, in this phase; done can exceed the total.
    pub lockers: Count,
}

/// How far something has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Done.
    pub done: i64,
    /// In all; 0 where the phase does not count this.
    pub total: i64,
}

/// The progress views that tell something about a migration, or that a session is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProgressView {
    /// `pg_stat_progress_create_index`.
    CreateIndex,
    /// `pg_stat_progress_cluster`: `CLUSTER` and `VACUUM FULL`.
    Cluster,
    /// `pg_stat_progress_copy`, from PostgreSQL 14 on.
    Copy,
    /// `pg_stat_progress_vacuum`.
    Vacuum,
    /// `pg_stat_progress_analyze`.
    Analyze,
}

/// A transaction prepared for a two-phase commit.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// When it was prepared.
    pub prepared_at: Timestamp,
    /// Its owner.
    pub owner: String,
    /// Its database.
    pub datname: String,
}

/// What is known of the relations of one database.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    /// Its name.
    pub datname: String,
    /// The relations that lock rows mention, as far as they are committed.
    pub relations: BTreeMap<Oid, Relation>,
    /// Partitions whose `DETACH CONCURRENTLY` is not complete (`inhdetachpending`).
    pub detaching: Vec<Oid>,
}

/// A relation that a lock row mentions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relation {
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// Schema and name as SQL writes them, quoted where necessary.
    pub identity: String,
    /// Visible to one session only, so that its locks concern nobody.
    pub temporary: bool,
    /// Holds Alembic's revisions.
    pub version_table: bool,
}

/// What could not be seen, so that silence is not taken for health.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Visibility {
    /// Sessions of other roles whose state is hidden: `pg_read_all_stats` (part of `pg_monitor`) is missing.
    pub hidden_sessions: usize,
    /// Databases with locks whose relations could not be named, with the reason.
    pub unseen_databases: BTreeMap<String, String>,
}

impl Visibility {
    /// Whether everything was seen.
    pub fn is_complete(&self) -> bool {
        self.hidden_sessions == 0 && self.unseen_databases.is_empty()
    }
}

impl Evidence {
    /// The session behind a holder; `None` for a prepared transaction and for a session that ended meanwhile.
    pub fn session(&self, holder: &Holder) -> Option<&Session> {
        self.sessions.get(&holder.pid()?)
    }

    /// The relation that a lock is on, or on a part of, where its database was looked into.
    pub fn relation(&self, tag: &LockTag) -> Option<&Relation> {
        self.relation_of(tag.database, tag.relation?)
    }

    /// A relation of a database; what all databases share (0) is not looked into.
    pub fn relation_of(&self, database: Oid, relation: Oid) -> Option<&Relation> {
        self.catalogs.get(&database)?.relations.get(&relation)
    }

    /// The lock rows of every participant, those of parallel workers with their leader's; sessions without any, too.
    pub(super) fn locks_by_leader(&self) -> BTreeMap<Holder, Vec<&Lock>> {
        let mut locks: BTreeMap<Holder, Vec<&Lock>> = BTreeMap::new();
        for pid in self.sessions.keys() {
            locks.entry(self.leader(&Holder::Session(*pid))).or_default();
        }
        for lock in &self.locks {
            locks.entry(self.leader(&lock.holder)).or_default().push(lock);
        }
        locks
    }

    /// The process that a session works for: the leader of a parallel worker, else itself.
    pub fn leader(&self, holder: &Holder) -> Holder {
        match holder {
            Holder::Session(pid) => {
                let leader = self.session(holder).and_then(|session| session.leader_pid);
                Holder::Session(leader.unwrap_or(*pid))
            }
            Holder::Prepared(gid) => Holder::Prepared(gid.clone()),
        }
    }
}
