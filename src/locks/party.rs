//! Who takes part in a chain of waits, described for the person who has to act.

use super::evidence::{Backend, Evidence, Holder, Session, State};

/// A session or a prepared transaction.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Party {
    /// Process id; `None` for a prepared transaction.
    pub pid: Option<i32>,
    /// Global identifier of a prepared transaction.
    pub gid: Option<String>,
    /// Database.
    pub datname: Option<String>,
    /// Role.
    pub usename: Option<String>,
    /// What the client calls itself.
    pub application_name: Option<String>,
    /// Address of the client; `None` also for a unix socket.
    pub client_addr: Option<String>,
    /// What it is doing; `None` where it has no state or it is hidden.
    pub state: Option<&'static str>,
    /// Seconds since its transaction began, or was prepared.
    pub transaction_age: Option<f64>,
    /// Its statement, or the last one. Never a label.
    pub query: Option<String>,
}

impl Party {
    /// Describes a participant.
    pub(super) fn new(evidence: &Evidence, holder: &Holder) -> Self {
        match holder {
            Holder::Prepared(gid) => {
                let prepared = evidence.prepared.get(gid);
                Self {
                    gid: Some(gid.clone()),
                    datname: prepared.map(|prepared| prepared.datname.clone()),
                    usename: prepared.map(|prepared| prepared.owner.clone()),
                    transaction_age: prepared.map(|prepared| evidence.taken_at - prepared.prepared_at),
                    ..Self::default()
                }
            }
            Holder::Session(pid) => match evidence.sessions.get(pid) {
                None => Self { pid: Some(*pid), ..Self::default() },
                Some(session) => Self {
                    pid: Some(*pid),
                    gid: None,
                    datname: session.datname.clone(),
                    usename: session.usename.clone(),
                    application_name: session.application_name.clone(),
                    client_addr: session.client_addr.clone(),
                    state: session.state.name(),
                    transaction_age: session.xact_start.map(|start| (evidence.taken_at - start).max(0.0)),
                    query: session.query.clone(),
                },
            },
        }
    }
}

/// Whoever is at the root of a chain, and so has to end for the migration to go on.
#[derive(Clone, Debug, PartialEq)]
pub struct Culprit {
    /// What it is.
    pub kind: CulpritKind,
    /// Who it is; without a pid where it is no session.
    pub party: Party,
}

impl Culprit {
    /// Whether it runs no statement.
    pub fn is_idle(&self) -> bool {
        self.party.state.is_some_and(|state| state.starts_with("idle"))
    }
}

/// What a culprit is, which decides what to do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CulpritKind {
    /// Another migration, or the migration itself when it is abandoned or stands still.
    Migration,
    /// A client that left its transaction open.
    IdleInTransaction,
    /// A statement that runs.
    ActiveQuery,
    /// A session outside a transaction that kept a session-level lock, such as an advisory one.
    IdleSession,
    /// A transaction prepared for a two-phase commit that nobody finished.
    PreparedTransaction,
    /// An autovacuum worker that did not yield.
    Autovacuum,
    /// A logical or physical backup.
    Backup,
    /// A replication process.
    Replication,
    /// The replay of the primary's changes on a standby.
    Replay,
    /// A synchronous standby that has not confirmed a commit.
    SynchronousStandby,
    /// A session that the role may not see.
    Hidden,
}

impl CulpritKind {
    /// Every kind.
    pub const ALL: [Self; 11] = [
        Self::Migration,
        Self::IdleInTransaction,
        Self::ActiveQuery,
        Self::IdleSession,
        Self::PreparedTransaction,
        Self::Autovacuum,
        Self::Backup,
        Self::Replication,
        Self::Replay,
        Self::SynchronousStandby,
        Self::Hidden,
    ];

    /// The word in JSON and in labels.
    pub fn name(self) -> &'static str {
        match self {
            Self::Migration => "migration",
            Self::IdleInTransaction => "idle_in_transaction",
            Self::ActiveQuery => "active_query",
            Self::IdleSession => "idle_session",
            Self::PreparedTransaction => "prepared_transaction",
            Self::Autovacuum => "autovacuum",
            Self::Backup => "backup",
            Self::Replication => "replication",
            Self::Replay => "replay",
            Self::SynchronousStandby => "synchronous_standby",
            Self::Hidden => "hidden",
        }
    }

    /// The kind of a participant that is no migration.
    pub(super) fn of(evidence: &Evidence, holder: &Holder) -> Self {
        let Holder::Session(pid) = holder else { return Self::PreparedTransaction };
        let Some(session) = evidence.sessions.get(pid) else { return Self::Hidden };
        match session.backend {
            Backend::Autovacuum { .. } => Self::Autovacuum,
            Backend::WalSender if !is_backup(session) => Self::Replication,
            Backend::LogicalReplication => Self::Replication,
            Backend::Startup => Self::Replay,
            _ if is_backup(session) => Self::Backup,
            _ => match session.state {
                State::Active => Self::ActiveQuery,
                State::Idle => Self::IdleSession,
                State::IdleInTransaction | State::IdleInTransactionAborted => Self::IdleInTransaction,
                State::Hidden => Self::Hidden,
            },
        }
    }
}

/// The names under which the common backup tools connect.
const BACKUP_APPLICATIONS: [&str; 5] = ["pg_dump", "pg_basebackup", "pgbackrest", "barman", "wal-g"];

/// Whether it is the session of a backup tool.
pub(super) fn is_backup(session: &Session) -> bool {
    let name = session.application_name.as_deref().unwrap_or_default().to_ascii_lowercase();
    BACKUP_APPLICATIONS.iter().any(|application| name.starts_with(application))
}
