//! Opening a connection: hosts in order, password read anew, TLS as `sslmode` says.

use std::time::Duration;

use tokio_postgres::config::SslMode as DriverSslMode;
use tokio_postgres::{Client, Socket};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::{Error, ErrorKind, tls};
use crate::config::{Connection, Host, Sessions, SslMode};

type Driver =
    tokio_postgres::Connection<Socket, <MakeRustlsConnect as tokio_postgres::tls::MakeTlsConnect<Socket>>::Stream>;

/// An open connection that nobody drives yet.
pub(super) struct Opened {
    pub(super) client: Client,
    pub(super) driver: Driver,
    pub(super) tls: MakeRustlsConnect,
}

/// Connects to the first host that answers.
pub(super) async fn open(connection: &Connection, datname: &str, sessions: &Sessions) -> Result<Opened, Error> {
    let tls = tls::connector(&connection.tls)?;
    let mut last = None;
    for host in &connection.hosts {
        match tokio::time::timeout(sessions.connect_timeout, open_host(connection, host, datname, sessions, &tls)).await
        {
            Ok(Ok((client, driver))) => return Ok(Opened { client, driver, tls }),
            Ok(Err(error)) => last = Some(error),
            Err(_) => {
                let waited = humantime::format_duration(sessions.connect_timeout);
                last =
                    Some(Error::new(ErrorKind::Timeout, context(host, datname), format!("no session within {waited}")));
            }
        }
    }
    Err(last.unwrap_or_else(|| Error::new(ErrorKind::Connect, "connect", "no host is configured")))
}

async fn open_host(
    connection: &Connection,
    host: &Host,
    datname: &str,
    sessions: &Sessions,
    tls: &MakeRustlsConnect,
) -> Result<(Client, Driver), Error> {
    let mut config = driver_config(connection, host, datname, sessions)?;
    let mut refused = None;
    for mode in attempts(connection.tls.mode, host) {
        config.ssl_mode(*mode);
        match config.connect(tls.clone()).await {
            Ok(opened) => return Ok(opened),
            Err(error) => {
                let error = Error::connecting(context(host, datname), &error);
                // A second attempt helps only where the first one was refused for its kind of transport.
                let again = matches!(error.kind(), ErrorKind::Tls | ErrorKind::Authentication);
                refused = Some(error);
                if !again {
                    break;
                }
            }
        }
    }
    Err(refused.unwrap_or_else(|| Error::new(ErrorKind::Connect, context(host, datname), "no way to connect is left")))
}

/// The transports to try, in libpq's order; a unix socket is never encrypted.
fn attempts(mode: SslMode, host: &Host) -> &'static [DriverSslMode] {
    match (mode, host) {
        (_, Host::Unix(..)) | (SslMode::Disable, _) => &[DriverSslMode::Disable],
        (SslMode::Allow, _) => &[DriverSslMode::Disable, DriverSslMode::Require],
        (SslMode::Prefer, _) => &[DriverSslMode::Prefer, DriverSslMode::Disable],
        (SslMode::Require | SslMode::VerifyCa | SslMode::VerifyFull, _) => &[DriverSslMode::Require],
    }
}

fn driver_config(
    connection: &Connection,
    host: &Host,
    datname: &str,
    sessions: &Sessions,
) -> Result<tokio_postgres::Config, Error> {
    let mut config = tokio_postgres::Config::new();
    let (name, port) = match host {
        Host::Tcp(name, port) => {
            config.host(name).port(*port);
            (name.as_str(), *port)
        }
        Host::Unix(folder, port) => {
            config.host_path(folder).port(*port);
            ("localhost", *port)
        }
    };
    let password = connection
        .password
        .read(name, port, datname, &connection.user)
        .map_err(|error| Error::new(ErrorKind::Authentication, context(host, datname), error))?;
    if let Some(password) = password {
        config.password(password.expose());
    }
    config
        .user(&connection.user)
        .dbname(datname)
        .application_name(&sessions.application_name)
        .connect_timeout(sessions.connect_timeout)
        .tcp_user_timeout(sessions.connect_timeout * 3)
        .keepalives_idle(Duration::from_secs(30));
    Ok(config)
}

fn context(host: &Host, datname: &str) -> String {
    match host {
        Host::Tcp(name, port) => format!("connect to database {datname:?} at {name}:{port}"),
        Host::Unix(folder, port) => format!("connect to database {datname:?} at {}/.s.PGSQL.{port}", folder.display()),
    }
}
