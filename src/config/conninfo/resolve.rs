//! What the parameters mean, with libpq's defaults.

use std::path::{Path, PathBuf};

use super::ConninfoError;
use super::parameters::Parameters;
use crate::config::passfile::SOCKET_FOLDERS;
use crate::config::{Connection, Environment, Host, PasswordSource, Secret, SslMode, Tls, defaults};

/// Parameters and the environment that fills their gaps.
struct Lookup<'a> {
    parameters: &'a Parameters,
    environment: &'a Environment,
}

/// Gives the parameters their meaning.
pub(super) fn connection(parameters: &Parameters, environment: &Environment) -> Result<Connection, ConninfoError> {
    parameters.check_environment(environment)?;
    let lookup = Lookup { parameters, environment };
    let user = lookup.get("user").or_else(|| environment.user()).ok_or(ConninfoError::NoUser)?;
    Ok(Connection {
        hosts: lookup.hosts()?,
        user: user.to_owned(),
        dbname: lookup.get("dbname").unwrap_or(user).to_owned(),
        password: lookup.password(),
        tls: lookup.tls()?,
    })
}

impl<'a> Lookup<'a> {
    fn get(&self, keyword: &str) -> Option<&'a str> {
        self.parameters.get(keyword, self.environment)
    }

    fn path(&self, keyword: &str) -> Option<PathBuf> {
        self.get(keyword).map(PathBuf::from)
    }

    fn hosts(&self) -> Result<Vec<Host>, ConninfoError> {
        let hosts = match (self.get("host"), self.get("hostaddr")) {
            (Some(_), Some(_)) => {
                let reason = "only one of host and hostaddr can be given";
                return Err(ConninfoError::Unsupported { keyword: "hostaddr", reason });
            }
            (host, address) => host.or(address).unwrap_or_default(),
        };
        let ports = self.get("port").unwrap_or_default();
        let hosts: Vec<&str> = hosts.split(',').collect();
        let ports: Vec<u16> = ports.split(',').map(port).collect::<Result<_, _>>()?;
        match ports.as_slice() {
            &[port] => hosts.iter().map(|name| self.host(name, port)).collect(),
            ports if ports.len() == hosts.len() => {
                hosts.iter().zip(ports).map(|(name, port)| self.host(name, *port)).collect()
            }
            ports => Err(ConninfoError::Ports { ports: ports.len(), hosts: hosts.len() }),
        }
    }

    fn host(&self, name: &str, port: u16) -> Result<Host, ConninfoError> {
        let name = name.trim();
        if name.is_empty() {
            return Ok(self.default_host(port));
        }
        if name.starts_with('/') {
            return Ok(Host::Unix(PathBuf::from(name), port));
        }
        let is_address = name.split('%').next().is_some_and(|address| address.parse::<std::net::Ipv6Addr>().is_ok());
        if name.starts_with('@') || (name.contains([':', '[', ']']) && !is_address) {
            let expected = "names, addresses without brackets or folders of unix sockets, with the port in \"port\"";
            return Err(ConninfoError::Value { keyword: "host", expected });
        }
        Ok(Host::Tcp(name.to_owned(), port))
    }

    /// The folder in which a server has its unix socket, else this machine by name.
    fn default_host(&self, port: u16) -> Host {
        let has_socket = |folder: &&&str| self.environment.exists(&Path::new(folder).join(format!(".s.PGSQL.{port}")));
        match SOCKET_FOLDERS.iter().find(has_socket) {
            Some(folder) => Host::Unix(PathBuf::from(folder), port),
            None => Host::Tcp("localhost".to_owned(), port),
        }
    }

    fn password(&self) -> PasswordSource {
        if let Some(password) = self.get("password") {
            return PasswordSource::Text(Secret::new(password));
        }
        let passfile = self.path("passfile").or_else(|| self.environment.home(".pgpass"));
        passfile.map_or(PasswordSource::None, PasswordSource::Passfile)
    }

    /// Certificates in `~/.postgresql` count when they are there, as for libpq. Where libpq would fail for want of a root
    /// certificate, the system's are used.
    fn tls(&self) -> Result<Tls, ConninfoError> {
        let system = self.get("sslrootcert") == Some("system");
        let mode = self.ssl_mode(system)?;
        let root_certificate = if system { None } else { self.path_or_home("sslrootcert", ".postgresql/root.crt") };
        let certificate = self.path_or_home("sslcert", ".postgresql/postgresql.crt");
        let key = certificate.as_ref().and_then(|_| self.path_or_home("sslkey", ".postgresql/postgresql.key"));
        if certificate.is_some() && key.is_none() {
            let expected = "the key file of the certificate in sslcert";
            return Err(ConninfoError::Value { keyword: "sslkey", expected });
        }
        Ok(Tls { mode, root_certificate, certificate, key })
    }

    /// Whoever asks for the system's root certificates, which sign anybody, gets the host name verified as well.
    fn ssl_mode(&self, system: bool) -> Result<SslMode, ConninfoError> {
        let wrong = |expected| ConninfoError::Value { keyword: "sslmode", expected };
        let mode = match self.get("sslmode") {
            Some(name) => SslMode::parse(name)
                .ok_or_else(|| wrong("disable, allow, prefer, require, verify-ca or verify-full"))?,
            None if system => SslMode::VerifyFull,
            None => SslMode::default(),
        };
        if system && mode != SslMode::VerifyFull {
            return Err(wrong("verify-full, because sslrootcert is \"system\""));
        }
        Ok(mode)
    }

    fn path_or_home(&self, keyword: &str, in_home: &str) -> Option<PathBuf> {
        let in_home = || self.environment.home(in_home).filter(|path| self.environment.exists(path));
        self.path(keyword).or_else(in_home)
    }
}

fn port(text: &str) -> Result<u16, ConninfoError> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(defaults::PORT);
    }
    let port = text.parse().ok().filter(|port| *port != 0);
    port.ok_or(ConninfoError::Value { keyword: "port", expected: "a number from 1 to 65535" })
}
