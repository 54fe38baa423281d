//! A watched server: how to reach it and which of its databases count.

use std::path::PathBuf;

use globset::GlobSet;

use super::{ConfigError, ConninfoError, Environment, PasswordSource, Tls, defaults};

/// One watched server.
#[derive(Clone, Debug)]
pub struct Target {
    /// Value of the label `target`.
    pub name: String,
    /// How to reach it.
    pub connection: Connection,
    /// Upper bound of open connections to it.
    pub max_connections: usize,
    /// Which databases of it are watched.
    pub databases: Databases,
}

impl Target {
    /// A target that nobody named: its first host, with the port when it is not PostgreSQL's own.
    pub(super) fn named_after_host(connection: Connection, databases: Databases) -> Self {
        let (host, port) = match connection.hosts.first() {
            Some(Host::Tcp(host, port)) => (host.as_str(), *port),
            Some(Host::Unix(_, port)) => ("localhost", *port),
            None => ("localhost", defaults::PORT),
        };
        let name = match port {
            defaults::PORT => host.to_owned(),
            _ if host.contains(':') => format!("[{host}]:{port}"),
            _ => format!("{host}:{port}"),
        };
        Self { name, connection, max_connections: defaults::TARGET_MAX_CONNECTIONS, databases }
    }
}

/// Which databases of a server are watched.
#[derive(Clone, Debug)]
pub enum Databases {
    /// The ones named.
    Named(Vec<String>),
    /// Every database that allows connections, as they come and go.
    Discovered {
        /// Names to watch; `None`: all.
        include: Option<GlobSet>,
        /// Names to leave out, stronger than `include`.
        exclude: GlobSet,
    },
}

impl Databases {
    /// Every database.
    pub fn all() -> Self {
        Self::Discovered { include: None, exclude: GlobSet::empty() }
    }

    /// Whether a database is watched.
    pub fn contains(&self, datname: &str) -> bool {
        match self {
            Self::Named(named) => named.iter().any(|name| name == datname),
            Self::Discovered { include, exclude } => {
                include.as_ref().is_none_or(|include| include.is_match(datname)) && !exclude.is_match(datname)
            }
        }
    }
}

/// How to reach a server: the part of libpq's parameters that has a meaning here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    /// Hosts in the order in which they are tried.
    pub hosts: Vec<Host>,
    /// Role to log in as.
    pub user: String,
    /// Database for server-wide statements and for discovery.
    pub dbname: String,
    /// Where the password comes from; read at each connect.
    pub password: PasswordSource,
    /// Encryption and verification.
    pub tls: Tls,
}

impl Connection {
    /// What `DATABASE_URL`, else libpq's variables describe, and which of the two it was.
    pub(super) fn of_environment(environment: &Environment) -> Result<(&'static str, Self), ConfigError> {
        let url = environment.get("DATABASE_URL");
        let origin = if url.is_some() { "DATABASE_URL" } else { "libpq's environment variables" };
        let connection = Self::from_conninfo(url.unwrap_or_default(), environment);
        Ok((origin, connection.map_err(|cause| ConfigError::connection(origin, cause))?))
    }

    /// Whether the files that the connection names can be read now, rather than when it is needed.
    pub(super) fn check_files(&self) -> Result<(), ConninfoError> {
        for (parameter, path) in self.tls.files() {
            std::fs::File::open(path).map_err(|cause| ConninfoError::Unreadable {
                parameter,
                path: path.to_owned(),
                cause,
            })?;
        }
        Ok(())
    }
}

/// One address of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Host {
    /// Host name or address, and port.
    Tcp(String, u16),
    /// Folder of the unix socket, and port.
    Unix(PathBuf, u16),
}
