//! What can go wrong between us and a server, as a closed set that fits a label.

use std::error::Error as _;
use std::fmt;
use std::io;

use tokio_postgres::error::SqlState;

/// The kind of a failure: the values of the label `kind` of error metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ErrorKind {
    /// No answer at the address, or the network broke while connecting.
    Connect,
    /// The role, its password or `pg_hba.conf` said no.
    Authentication,
    /// TLS could not be set up or the certificate was refused.
    Tls,
    /// The server has no connection left for this role.
    TooManyConnections,
    /// The server is starting, stopping, or ended the session.
    Unavailable,
    /// The database does not exist or accepts no connections.
    NoDatabase,
    /// The connection broke under a statement.
    Disconnected,
    /// A statement or a connection attempt took longer than it may, and was cancelled.
    Timeout,
    /// A statement would have waited for a lock; it gave up at once.
    LockTimeout,
    /// A standby cancelled the statement because replay was waiting for it.
    RecoveryConflict,
    /// The role may not read something.
    Permission,
    /// A relation, column or function does not exist (any more).
    Missing,
    /// The connection budget was in use for longer than the round may take.
    Budget,
    /// The answer could not be understood.
    Decode,
    /// Anything else that the server refused.
    Query,
}

impl ErrorKind {
    /// Every kind, for series that are known in advance.
    pub const ALL: [Self; 15] = [
        Self::Connect,
        Self::Authentication,
        Self::Tls,
        Self::TooManyConnections,
        Self::Unavailable,
        Self::NoDatabase,
        Self::Disconnected,
        Self::Timeout,
        Self::LockTimeout,
        Self::RecoveryConflict,
        Self::Permission,
        Self::Missing,
        Self::Budget,
        Self::Decode,
        Self::Query,
    ];

    /// The value of the label.
    pub fn label(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Authentication => "authentication",
            Self::Tls => "tls",
            Self::TooManyConnections => "too_many_connections",
            Self::Unavailable => "unavailable",
            Self::NoDatabase => "no_database",
            Self::Disconnected => "disconnected",
            Self::Timeout => "timeout",
            Self::LockTimeout => "lock_timeout",
            Self::RecoveryConflict => "recovery_conflict",
            Self::Permission => "permission",
            Self::Missing => "missing",
            Self::Budget => "budget",
            Self::Decode => "decode",
            Self::Query => "query",
        }
    }
}

/// A failure, with what we were doing.
#[derive(Debug, thiserror::Error)]
#[error("{context}: {message}")]
pub struct Error {
    kind: ErrorKind,
    context: String,
    message: String,
}

impl Error {
    /// A failure of the given kind while doing `context`.
    pub fn new(kind: ErrorKind, context: impl Into<String>, message: impl fmt::Display) -> Self {
        Self { kind, context: context.into(), message: message.to_string() }
    }

    /// The kind.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// A failure to connect.
    pub(super) fn connecting(context: impl Into<String>, error: &tokio_postgres::Error) -> Self {
        let mut failure = Self::driver(context, error);
        // Within a query the same code says that an object is not ready; at the door it says that the database, a
        // template for example, lets nobody in.
        if error.code() == Some(&SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE) {
            failure.kind = ErrorKind::NoDatabase;
        }
        failure
    }

    /// A failure of anything else that the driver did.
    pub(super) fn driver(context: impl Into<String>, error: &tokio_postgres::Error) -> Self {
        Self { kind: kind_of(error), context: context.into(), message: message_of(error) }
    }
}

fn kind_of(error: &tokio_postgres::Error) -> ErrorKind {
    if let Some(code) = error.code() {
        return kind_of_code(code);
    }
    if error.is_closed() {
        return ErrorKind::Disconnected;
    }
    let cause = error.source();
    if cause.is_some_and(|cause| cause.downcast_ref::<io::Error>().is_some_and(is_tls)) {
        return ErrorKind::Tls;
    }
    // The driver keeps its kinds to itself; their fixed texts are all that tells them apart.
    let text = error.to_string();
    match text.as_str() {
        text if text.contains("TLS") => ErrorKind::Tls,
        text if text.starts_with("error connecting to server") => ErrorKind::Connect,
        text if text.starts_with("authentication error") || text.contains("password") => ErrorKind::Authentication,
        text if text.starts_with("error communicating with the server") => ErrorKind::Disconnected,
        text if text.starts_with("error deserializing column") => ErrorKind::Decode,
        _ => ErrorKind::Query,
    }
}

fn is_tls(error: &io::Error) -> bool {
    error.get_ref().is_some_and(<dyn std::error::Error + Send + Sync>::is::<rustls::Error>)
}

fn kind_of_code(code: &SqlState) -> ErrorKind {
    match code.code() {
        "28000" | "28P01" => ErrorKind::Authentication,
        "53300" => ErrorKind::TooManyConnections,
        "57P01" | "57P02" | "57P03" | "57P05" | "25P03" | "25P04" => ErrorKind::Unavailable,
        "3D000" | "57P04" => ErrorKind::NoDatabase,
        "57014" => ErrorKind::Timeout,
        "55P03" => ErrorKind::LockTimeout,
        "40001" => ErrorKind::RecoveryConflict,
        "42501" => ErrorKind::Permission,
        "42P01" | "42703" | "42883" | "42704" | "3F000" | "XX000" => ErrorKind::Missing,
        code if code.starts_with("08") => ErrorKind::Disconnected,
        _ => ErrorKind::Query,
    }
}

/// The server's own words, or the chain of causes: neither ever holds a password.
fn message_of(error: &tokio_postgres::Error) -> String {
    if let Some(server) = error.as_db_error() {
        let hint = server.hint().map(|hint| format!(" ({hint})")).unwrap_or_default();
        return format!("{}{hint}", server.message());
    }
    let mut message = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let text = inner.to_string();
        if !message.ends_with(&text) {
            message = format!("{message}: {text}");
        }
        cause = inner.source();
    }
    message
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_kind_has_a_label_of_its_own() {
        let labels: BTreeSet<_> = ErrorKind::ALL.iter().map(|kind| kind.label()).collect();
        assert_eq!(labels.len(), ErrorKind::ALL.len());
    }

    #[test]
    fn a_lock_timeout_is_told_from_a_statement_timeout() {
        assert_eq!(kind_of_code(&SqlState::LOCK_NOT_AVAILABLE), ErrorKind::LockTimeout);
        assert_eq!(kind_of_code(&SqlState::QUERY_CANCELED), ErrorKind::Timeout);
    }
}
