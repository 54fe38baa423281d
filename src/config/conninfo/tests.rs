use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::config::{Host, PasswordSource, Secret, SslMode, Tls};

fn connection(text: &str) -> Connection {
    Connection::from_conninfo(text, &Environment::of([("USER", "me"), ("PGPORT", "6000")])).unwrap()
}

fn error(text: &str) -> String {
    Connection::from_conninfo(text, &Environment::of([("USER", "me")])).unwrap_err().to_string()
}

fn tcp(name: &str, port: u16) -> Host {
    Host::Tcp(name.to_owned(), port)
}

fn text(password: &str) -> PasswordSource {
    PasswordSource::Text(Secret::new(password))
}

#[test]
fn a_url_names_everything() {
    let found = connection("postgresql://wa%40tch:s%3Acret@one:5433,[::1]:5434/my%20app?sslmode=verify-full");
    assert_eq!(found.hosts, [tcp("one", 5433), tcp("::1", 5434)]);
    assert_eq!((found.user.as_str(), found.dbname.as_str()), ("wa@tch", "my app"));
    assert_eq!(found.password, text("s:cret"));
    assert_eq!(found.tls.mode, SslMode::VerifyFull);
}

#[test]
fn the_url_of_an_sqlalchemy_driver_is_libpqs() {
    for scheme in ["postgres", "postgresql", "postgresql+psycopg2", "postgresql+asyncpg", "postgresql+psycopg"] {
        let found = connection(&format!("{scheme}://u:p@db:1/app?prepared_statement_cache_size=0"));
        assert_eq!((found.hosts.as_slice(), found.dbname.as_str()), ([tcp("db", 1)].as_slice(), "app"), "{scheme}");
    }
    for scheme in ["mysql", "postgresql+", "jdbc:postgresql", "Postgresql", "postgresqlx", ""] {
        assert!(error(&format!("{scheme}://u:p@db/app?a=b")).starts_with("expected the scheme"), "{scheme}");
    }
}

#[test]
fn ssl_of_jdbc_and_asyncpg_is_sslmode() {
    assert_eq!(connection("postgresql://db/app?ssl=true").tls.mode, SslMode::Require);
    assert_eq!(connection("postgresql+asyncpg://db/app?ssl=verify-ca").tls.mode, SslMode::VerifyCa);
}

#[test]
fn a_unix_socket_is_a_host_that_starts_with_a_slash() {
    for text in ["postgresql://%2Frun%2Fpg/app", "postgresql:///app?host=/run/pg", "host=/run/pg dbname=app"] {
        assert_eq!(connection(text).hosts, [Host::Unix("/run/pg".into(), 6000)], "{text}");
    }
}

#[test]
fn a_later_mention_of_a_parameter_is_stronger() {
    assert_eq!(connection("host=one host=two").hosts, [tcp("two", 6000)]);
    assert_eq!(connection("postgresql://one/app?host=two&port=7").hosts, [tcp("two", 7)]);
}

#[test]
fn ports_are_one_for_all_or_one_for_each() {
    assert_eq!(connection("host=a,b port=7").hosts, [tcp("a", 7), tcp("b", 7)]);
    assert_eq!(connection("host=a,b port=7,").hosts, [tcp("a", 7), tcp("b", 5432)]);
    assert_eq!(error("host=a,b,c port=1,2"), "2 ports for 3 hosts: expected one port for all or one for each");
    for port in ["0", "70000", "-1", "x", "5432x"] {
        assert!(error(&format!("host=db port={port}")).contains("a number from 1 to 65535"), "{port}");
    }
}

#[test]
fn addresses_stand_in_brackets_in_a_url_alone() {
    assert_eq!(connection("host=::1").hosts, [tcp("::1", 6000)]);
    assert_eq!(connection("hostaddr=10.0.0.1").hosts, [tcp("10.0.0.1", 6000)]);
    assert!(error("postgresql://[::1/app").contains("stands in brackets"));
    assert!(error("postgresql://[::1]5432/app").contains("stands in brackets"));
    assert!(error("host=[::1]").contains("without brackets"));
    assert!(error("postgresql:///app?host=db:5433").contains("with the port in \"port\""));
    assert!(error("host=db hostaddr=10.0.0.1").contains("only one of host and hostaddr"));
}

#[test]
fn keywords_are_quoted_and_escaped() {
    let found = connection(r"host = db password = 'it\'s \\ me' dbname=a\ b user=''");
    assert_eq!(found.password, text(r"it's \ me"));
    assert_eq!((found.dbname.as_str(), found.user.as_str()), ("a b", "me"));
    assert!(error("host='db").starts_with("unterminated"));
    assert!(error("host=db oops").starts_with("missing \"=\" after word 2"));
    assert!(error("just text").contains("postgresql://"));
}

#[test]
fn what_is_not_given_comes_from_the_environment_and_the_database_is_named_like_the_user() {
    let found = connection("host=db");
    assert_eq!(found.hosts, [tcp("db", 6000)]);
    assert_eq!((found.user.as_str(), found.dbname.as_str()), ("me", "me"));
    let environment = Environment::of([("PGUSER", "you"), ("PGDATABASE", "app"), ("PGHOST", "one,two")]);
    let found = Connection::from_conninfo("", &environment).unwrap();
    assert_eq!(found.hosts, [tcp("one", 5432), tcp("two", 5432)]);
    assert_eq!((found.user.as_str(), found.dbname.as_str()), ("you", "app"));
    let nobody = Connection::from_conninfo("", &Environment::of([]));
    assert!(matches!(nobody, Err(ConninfoError::NoUser)));
}

#[test]
fn without_a_host_the_servers_socket_is_taken_where_there_is_one() {
    let environment = Environment::of([("USER", "me")]);
    let hosts = |environment| Connection::from_conninfo("port=5433", &environment).unwrap().hosts;
    assert_eq!(hosts(environment.clone()), [tcp("localhost", 5433)]);
    let has_socket = environment.where_exist(|path| path == Path::new("/tmp/.s.PGSQL.5433"));
    assert_eq!(hosts(has_socket), [Host::Unix("/tmp".into(), 5433)]);
}

#[test]
fn a_password_is_given_else_in_the_environment_else_in_a_file() {
    let of = |variables, text| Connection::from_conninfo(text, &Environment::of::<3>(variables)).unwrap().password;
    let all = [("HOME", "/home/me"), ("PGPASSWORD", "b"), ("PGPASSFILE", "/c")];
    assert_eq!(of(all, "user=me password=a"), text("a"));
    assert_eq!(of(all, "user=me password="), text("b"));
    let file = [("HOME", "/home/me"), ("PGPASSWORD", ""), ("PGPASSFILE", "/c")];
    assert_eq!(of(file, "user=me passfile=/d"), PasswordSource::Passfile("/d".into()));
    assert_eq!(of(file, "user=me"), PasswordSource::Passfile("/c".into()));
    let home = [("HOME", "/home/me"), ("PGPASSWORD", ""), ("PGPASSFILE", "")];
    assert_eq!(of(home, "user=me"), PasswordSource::Passfile("/home/me/.pgpass".into()));
    assert_eq!(of([("HOME", ""); 3], "user=me"), PasswordSource::None);
}

#[test]
fn every_sslmode_of_libpq_is_known() {
    for (name, mode) in [
        ("disable", SslMode::Disable),
        ("allow", SslMode::Allow),
        ("prefer", SslMode::Prefer),
        ("require", SslMode::Require),
        ("verify-ca", SslMode::VerifyCa),
        ("verify-full", SslMode::VerifyFull),
    ] {
        assert_eq!(connection(&format!("sslmode={name}")).tls.mode, mode);
    }
    assert!(error("host=db sslmode=maybe").contains("verify-full"));
}

#[test]
fn the_root_certificates_of_the_system_are_verified_fully() {
    let found = connection("host=db sslrootcert=system");
    assert_eq!(found.tls, Tls { mode: SslMode::VerifyFull, ..Tls::default() });
    assert!(error("host=db sslrootcert=system sslmode=require").contains("expected verify-full"));
}

#[test]
fn certificates_in_the_home_folder_count_when_they_are_there() {
    let environment = Environment::of([("USER", "me"), ("HOME", "/h")]).where_exist(|_| true);
    let tls = |text| Connection::from_conninfo(text, &environment).unwrap().tls;
    let path = |name: &str| Some(Path::new("/h/.postgresql").join(name));
    let found = tls("host=db");
    assert_eq!(found.root_certificate, path("root.crt"));
    assert_eq!((found.certificate, found.key), (path("postgresql.crt"), path("postgresql.key")));
    assert_eq!(tls("host=db sslrootcert=/ca.crt").root_certificate, Some("/ca.crt".into()));
    assert_eq!(tls("host=db sslrootcert=system").root_certificate, None);
    assert!(error("host=db sslcert=/a").contains("sslkey"));
}

#[test]
fn an_unknown_parameter_is_named() {
    assert_eq!(error("host=db colour=red"), "unknown connection parameter \"colour\"");
    assert_eq!(error("postgresql://u:p@db/app?colour=red"), "unknown connection parameter \"colour\"");
}

#[test]
fn what_would_be_ignored_at_a_cost_is_refused_with_the_reason() {
    for (text, reason) in [
        ("options=-csearch_path=x", "pooler"),
        ("service=main", "service files are not read"),
        ("channel_binding=require", "cannot be required"),
        ("target_session_attrs=read-write", "the first host that answers"),
        ("gssencmode=require", "use sslmode"),
        ("require_auth=scram-sha-256", "pg_hba.conf"),
        ("sslcrl=/crl", "revocation lists"),
        ("ssl_min_protocol_version=TLSv1.3", "TLS 1.2 and 1.3"),
    ] {
        assert!(error(text).contains(reason), "{text}: {}", error(text));
    }
    connection("target_session_attrs=any gssencmode=disable channel_binding=prefer sslnegotiation=postgres");
    connection("connect_timeout=3 application_name=x keepalives=1 client_encoding=utf8 load_balance_hosts=random");
    let service = Environment::of([("USER", "me"), ("PGSERVICE", "main")]);
    assert!(Connection::from_conninfo("host=db", &service).unwrap_err().to_string().contains("service files"));
}

#[test]
fn a_url_that_is_quoted_wrongly_is_refused_without_the_password() {
    for text in [
        "postgresql://me:hun/ter2@db/app",
        "postgresql://me:5/ter2@db/app",
        "postgresql://me:hun@ter2@db/app",
        "postgresql://me:hunter2:db/app",
        "postgresql://me:hunter2%zz@db/app",
        "postgresql://me:hunter2%ff@db/app",
        "postgresql://me:hunter2%00@db/app",
        "postgresql://db/app?password=hun&ter2",
        "postgresql://db/app?password=hun&ter2=1",
        "postgresql://db/app?password=hun=ter2",
        "host=db password=hun ter2",
        "host=db password=hun ter2=x",
        "password='hun' ter2",
        "'hunter2'",
        "hunter2=",
        "=hunter2",
        "password=hun\0ter2",
        "host='password=hunter2",
    ] {
        let error = error(text);
        assert!(!error.contains("ter2") || error == "unknown connection parameter \"hunter2\"", "{text}: {error}");
    }
}

/// A string with much that has a meaning in connection strings.
fn pieces() -> impl Strategy<Value = String> {
    let piece = "(host|password|user|sslmode|port|=|=|:|/|//|@|\\?|&|,|%|%2F|%4|\\[|\\]|'|\\\\| |\\PC|[a-z0-9]{1,4})";
    proptest::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn any_text_is_a_connection_or_an_error(text in any::<String>(), pieces in pieces()) {
        for text in [&text, &pieces] {
            let _ = Connection::from_conninfo(text, &Environment::of([]));
            let _ = Connection::from_conninfo(&format!("postgres://{text}"), &Environment::of([]));
        }
    }

    #[test]
    fn no_error_repeats_a_password(before in pieces(), after in pieces()) {
        let secret = "XSECRETX";
        for text in [
            format!("postgresql://me:{secret}{after}"),
            format!("postgresql://me:{secret}@{after}"),
            format!("postgresql://db/app?{before}&password={secret}{after}"),
            format!("{before} password={secret}{after}"),
            format!("{before} password='{secret}{after}"),
        ] {
            if let Err(error) = Connection::from_conninfo(&text, &Environment::of([])) {
                prop_assert!(!error.to_string().contains(secret), "{}: {}", text, error);
                prop_assert!(!format!("{error:?}").contains(secret), "{}: {:?}", text, error);
            }
        }
    }

    #[test]
    fn a_quoted_value_is_read_as_it_was_written(value in "[^\\x00]{1,20}") {
        let quoted = value.replace('\\', r"\\").replace('\'', r"\'");
        let found = connection(&format!("host=db user=me password='{quoted}'"));
        prop_assert_eq!(found.password, text(&value));
    }

    #[test]
    fn a_percent_encoded_value_is_read_as_it_was_written(value in "[^\\x00]{1,20}") {
        let encoded = percent_encoding::utf8_percent_encode(&value, percent_encoding::NON_ALPHANUMERIC);
        let found = connection(&format!("postgresql://u:{encoded}@db/{encoded}"));
        prop_assert_eq!((found.dbname, found.password), (value.clone(), text(&value)));
    }
}
