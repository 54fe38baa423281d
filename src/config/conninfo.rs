//! libpq's connection strings: URLs and keyword strings, over the defaults of the environment.
//!
//! Source: <https://www.postgresql.org/docs/current/libpq-connect.html>.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use percent_encoding::percent_decode_str;

use super::defaults;
use super::{Connection, Environment, Host, PasswordSource, Secret, SslMode, Tls};

/// Why a connection string cannot be used. It never repeats a password.
#[derive(Debug, thiserror::Error)]
pub enum ConninfoError {
    /// It is neither a URL nor a keyword string.
    #[error("connection string, near character {position}: {expected}")]
    Syntax {
        /// Where, in characters from 1.
        position: usize,
        /// What was expected there.
        expected: &'static str,
    },
    /// A parameter that libpq does not know, or that has no meaning here.
    #[error("parameter {name:?}: {reason}")]
    Parameter {
        /// The parameter.
        name: String,
        /// Why not.
        reason: String,
    },
    /// A file that a parameter names cannot be read.
    #[error("parameter {parameter:?}: read {path}: {source}")]
    Unreadable {
        /// The parameter.
        parameter: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

type Parameters = BTreeMap<String, String>;

/// Parameters with their variables of the environment.
const VARIABLES: [(&str, &str); 11] = [
    ("host", "PGHOST"),
    ("hostaddr", "PGHOSTADDR"),
    ("port", "PGPORT"),
    ("user", "PGUSER"),
    ("dbname", "PGDATABASE"),
    ("password", "PGPASSWORD"),
    ("passfile", "PGPASSFILE"),
    ("sslmode", "PGSSLMODE"),
    ("sslrootcert", "PGSSLROOTCERT"),
    ("sslcert", "PGSSLCERT"),
    ("sslkey", "PGSSLKEY"),
];

/// Parameters of libpq that change nothing here, or that the exporter sets itself.
const IGNORED: [&str; 18] = [
    "application_name",
    "fallback_application_name",
    "client_encoding",
    "connect_timeout",
    "keepalives",
    "keepalives_idle",
    "keepalives_interval",
    "keepalives_count",
    "tcp_user_timeout",
    "gssencmode",
    "krbsrvname",
    "channel_binding",
    "sslcompression",
    "sslsni",
    "ssl_min_protocol_version",
    "ssl_max_protocol_version",
    "load_balance_hosts",
    "target_session_attrs",
];

/// Where servers put their socket: Debian's folder, then PostgreSQL's own.
const SOCKET_FOLDERS: [&str; 2] = ["/var/run/postgresql", "/tmp"];

impl Connection {
    /// Understands a URL or a keyword string of libpq; what it leaves open comes from libpq's environment variables.
    /// SQLAlchemy's driver suffix (`postgresql+psycopg2://`) is accepted.
    pub fn from_conninfo(text: &str, environment: &Environment) -> Result<Self, ConninfoError> {
        let given = match text.split_once("://") {
            Some((scheme, rest)) if is_scheme(scheme) => parse_url(rest)?,
            _ => parse_keywords(text)?,
        };
        for name in given.keys() {
            check_name(name)?;
        }
        let get = |name: &str| {
            let variable = VARIABLES.iter().find(|(parameter, _)| *parameter == name).map(|(_, variable)| *variable);
            let given = given.get(name).map(String::as_str).filter(|value| !value.is_empty());
            given.or_else(|| environment.get(variable?))
        };
        let user = get("user")
            .or_else(|| environment.user())
            .map(str::to_owned)
            .ok_or_else(|| wrong("user", "it is not given"))?;
        let tls = tls(get)?;
        Ok(Self {
            hosts: hosts(get("hostaddr").or_else(|| get("host")), get("port"))?,
            dbname: get("dbname").unwrap_or(&user).to_owned(),
            user,
            password: password(get, environment),
            tls,
        })
    }
}

fn is_scheme(scheme: &str) -> bool {
    ["postgresql", "postgres"].contains(&scheme.split('+').next().unwrap_or(scheme))
}

fn wrong(name: &str, reason: impl Into<String>) -> ConninfoError {
    ConninfoError::Parameter { name: name.to_owned(), reason: reason.into() }
}

fn check_name(name: &str) -> Result<(), ConninfoError> {
    if VARIABLES.iter().any(|(known, _)| *known == name) || IGNORED.contains(&name) {
        return Ok(());
    }
    Err(match name {
        "options" => wrong(name, "the exporter sets its own, per transaction, so that poolers work; remove it"),
        _ => wrong(name, "no such parameter; libpq's are host, port, dbname, user, password, sslmode and so on"),
    })
}

fn password<'a>(get: impl Fn(&str) -> Option<&'a str>, environment: &Environment) -> PasswordSource {
    match (get("password"), get("passfile")) {
        (Some(password), _) => PasswordSource::Text(Secret::new(password)),
        (None, Some(passfile)) => PasswordSource::Passfile(passfile.into()),
        (None, None) => environment.home(".pgpass").map_or(PasswordSource::None, PasswordSource::Passfile),
    }
}

fn tls<'a>(get: impl Fn(&str) -> Option<&'a str>) -> Result<Tls, ConninfoError> {
    let path = |name| get(name).map(PathBuf::from);
    let system = get("sslrootcert") == Some("system");
    let mode = match get("sslmode") {
        Some(mode) => SslMode::parse(mode).ok_or_else(|| {
            wrong("sslmode", format!("{mode:?} is none of disable, allow, prefer, require, verify-ca, verify-full"))
        })?,
        // libpq verifies fully where the system's store is asked for.
        None if system => SslMode::VerifyFull,
        None => SslMode::default(),
    };
    let tls = Tls {
        mode,
        root_certificate: path("sslrootcert").filter(|_| !system),
        certificate: path("sslcert"),
        key: path("sslkey"),
    };
    if tls.certificate.is_some() != tls.key.is_some() {
        return Err(wrong("sslcert", "a client certificate needs both sslcert and sslkey"));
    }
    Ok(tls)
}

fn hosts(names: Option<&str>, ports: Option<&str>) -> Result<Vec<Host>, ConninfoError> {
    let default = default_host();
    let names: Vec<&str> = names.map_or_else(|| vec![default], |names| names.split(',').collect());
    let ports = ports.map_or_else(Vec::new, |ports| ports.split(',').collect());
    if ports.len() > 1 && ports.len() != names.len() {
        return Err(wrong("port", format!("{} ports for {} hosts", ports.len(), names.len())));
    }
    let host = |(index, name): (usize, &&str)| {
        let port = port(ports.get(index).or(ports.first()).copied().unwrap_or_default())?;
        Ok(match if name.is_empty() { default } else { name } {
            folder if folder.starts_with('/') => Host::Unix(folder.into(), port),
            name => Host::Tcp(name.to_owned(), port),
        })
    };
    names.iter().enumerate().map(host).collect()
}

fn default_host() -> &'static str {
    SOCKET_FOLDERS.into_iter().find(|folder| Path::new(folder).is_dir()).unwrap_or("localhost")
}

fn port(text: &str) -> Result<u16, ConninfoError> {
    match text.trim() {
        "" => Ok(defaults::PORT),
        text => text
            .parse()
            .ok()
            .filter(|port| *port > 0)
            .ok_or_else(|| wrong("port", format!("{text:?} is not a number from 1 to 65535"))),
    }
}

/// What follows `postgresql://`: `[user[:password]@][host[:port],...][/dbname][?name=value&...]`.
fn parse_url(rest: &str) -> Result<Parameters, ConninfoError> {
    let mut parameters = Parameters::new();
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, dbname) = rest.split_once('/').unwrap_or((rest, ""));
    let (login, hosts) = authority.rsplit_once('@').unwrap_or(("", authority));
    let (user, password) = login.split_once(':').unwrap_or((login, ""));
    let (hosts, ports) = split_hosts(hosts)?;
    let decode = |name: &str, text: &str| {
        let decoded = percent_decode_str(text).decode_utf8();
        decoded.map(String::from).map_err(|_| wrong(name, "its percent-encoding is not UTF-8"))
    };
    for (name, value) in
        [("user", user), ("password", password), ("host", &hosts), ("port", &ports), ("dbname", dbname)]
    {
        if !value.is_empty() {
            parameters.insert(name.to_owned(), decode(name, value)?);
        }
    }
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').ok_or_else(|| wrong(pair, "it has no value; write name=value"))?;
        // JDBC's spelling, which libpq accepts too.
        let (name, value) = if (name, value) == ("ssl", "true") { ("sslmode", "require") } else { (name, value) };
        let name = decode(name, name)?;
        let value = decode(&name, value)?;
        parameters.insert(name, value);
    }
    Ok(parameters)
}

/// `one:5432,[::1]:5433` as the lists of hosts and ports.
fn split_hosts(text: &str) -> Result<(String, String), ConninfoError> {
    let mut hosts = Vec::new();
    let mut ports = Vec::new();
    for part in text.split(',') {
        let (host, port) = if let Some(bracketed) = part.strip_prefix('[') {
            let (address, after) = bracketed
                .split_once(']')
                .ok_or(ConninfoError::Syntax { position: 1, expected: "an IPv6 address ends with ]" })?;
            (address, after.strip_prefix(':').unwrap_or_default())
        } else {
            part.split_once(':').unwrap_or((part, ""))
        };
        hosts.push(host);
        ports.push(port);
    }
    let ports = if ports.iter().all(|port| port.is_empty()) { String::new() } else { ports.join(",") };
    Ok((hosts.join(","), ports))
}

/// `host=db dbname='my app'`: backslashes escape, quotes hold blanks.
fn parse_keywords(text: &str) -> Result<Parameters, ConninfoError> {
    let mut parameters = Parameters::new();
    let mut characters = text.chars().enumerate().peekable();
    let syntax = |position: usize, expected| ConninfoError::Syntax { position: position + 1, expected };
    loop {
        while characters.next_if(|(_, character)| character.is_whitespace()).is_some() {}
        let Some((start, _)) = characters.peek().copied() else { return Ok(parameters) };
        let mut name = String::new();
        while let Some((_, character)) =
            characters.next_if(|(_, character)| !character.is_whitespace() && *character != '=')
        {
            name.push(character);
        }
        while characters.next_if(|(_, character)| character.is_whitespace()).is_some() {}
        if name.is_empty() || characters.next_if(|(_, character)| *character == '=').is_none() {
            return Err(syntax(start, "write a URL (postgresql://...) or keywords (host=... dbname=...)"));
        }
        while characters.next_if(|(_, character)| character.is_whitespace()).is_some() {}
        let quoted = characters.next_if(|(_, character)| *character == '\'').is_some();
        let mut value = String::new();
        loop {
            match characters.peek().copied() {
                None if quoted => return Err(syntax(start, "a quoted value ends with '")),
                None => break,
                Some((_, '\'')) if quoted => {
                    characters.next();
                    break;
                }
                Some((_, character)) if !quoted && character.is_whitespace() => break,
                Some((_, character)) => {
                    characters.next();
                    let escaped = if character == '\\' { characters.next() } else { None };
                    value.push(escaped.map_or(character, |(_, escaped)| escaped));
                }
            }
        }
        parameters.insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn connection(text: &str) -> Connection {
        Connection::from_conninfo(text, &Environment::of([("USER", "me"), ("PGPORT", "6000")])).unwrap()
    }

    fn error(text: &str) -> String {
        Connection::from_conninfo(text, &Environment::of([("USER", "me")])).unwrap_err().to_string()
    }

    #[test]
    fn a_url_names_everything() {
        let found =
            connection("postgresql+psycopg2://wa%40tch:s%3Acret@one:5433,[::1]:5434/my%20app?sslmode=verify-full");
        assert_eq!(found.hosts, [Host::Tcp("one".into(), 5433), Host::Tcp("::1".into(), 5434)]);
        assert_eq!((found.user.as_str(), found.dbname.as_str()), ("wa@tch", "my app"));
        assert_eq!(found.password, PasswordSource::Text(Secret::new("s:cret")));
        assert_eq!(found.tls.mode, SslMode::VerifyFull);
    }

    #[test]
    fn a_unix_socket_is_a_host_that_starts_with_a_slash() {
        for text in ["postgresql://%2Frun%2Fpg/app", "postgresql:///app?host=/run/pg", "host=/run/pg dbname=app"] {
            assert_eq!(connection(text).hosts, [Host::Unix("/run/pg".into(), 6000)], "{text}");
        }
    }

    #[test]
    fn keywords_are_quoted_and_escaped() {
        let found = connection(r"host = db password = 'it\'s \\ me' dbname=a\ b");
        assert_eq!(found.password, PasswordSource::Text(Secret::new(r"it's \ me")));
        assert_eq!(found.dbname, "a b");
    }

    #[test]
    fn what_is_not_given_comes_from_the_environment_and_the_database_is_named_like_the_user() {
        let found = connection("host=db");
        assert_eq!(found.hosts, [Host::Tcp("db".into(), 6000)]);
        assert_eq!((found.user.as_str(), found.dbname.as_str()), ("me", "me"));
    }

    #[test]
    fn an_unknown_or_meaningless_parameter_is_refused_by_name() {
        assert!(error("host=db colour=red").contains("\"colour\""));
        assert!(error("postgresql://db/app?options=-csearch_path%3Dx").contains("\"options\""));
        assert!(error("host=db sslmode=maybe").contains("verify-full"));
        assert!(error("host=db port=70000").contains("65535"));
        assert!(error("just text").contains("postgresql://"));
        assert!(error("host=db sslcert=/a").contains("sslkey"));
    }

    #[test]
    fn the_root_certificates_of_the_system_are_verified_fully() {
        let found = connection("host=db sslrootcert=system");
        assert_eq!(found.tls, Tls { mode: SslMode::VerifyFull, ..Tls::default() });
    }

    proptest! {
        #[test]
        fn any_text_is_a_connection_or_an_error_without_the_password(text in any::<String>()) {
            let _ = Connection::from_conninfo(&text, &Environment::default());
            let _ = Connection::from_conninfo(&format!("postgres://{text}"), &Environment::default());
        }

        #[test]
        fn a_quoted_value_is_read_as_it_was_written(value in "[^\\x00]{1,20}") {
            let quoted = value.replace('\\', r"\\").replace('\'', r"\'");
            let text = format!("host=db user=me password='{quoted}'");
            let found = Connection::from_conninfo(&text, &Environment::default()).unwrap();
            prop_assert_eq!(found.password, PasswordSource::Text(Secret::new(value)));
        }
    }
}
