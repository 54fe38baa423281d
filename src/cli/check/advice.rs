//! From what is missing to the statement that grants it: pure.

use serde::Serialize;

use crate::collectors::privileges::Seen;
use crate::postgres::{ErrorKind, Version};

/// Something that could be seen better, and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Advice {
    /// What is not seen.
    pub(super) missing: String,
    /// The statement, or the setting, that mends it.
    pub(super) remedy: String,
}

/// What to grant to a role that sees less than there is.
pub(super) fn for_role(seen: &Seen, role: &str, version: Version) -> Vec<Advice> {
    let role = quote(role);
    let lacks = |name: &str| seen.roles.iter().any(|predefined| predefined.name == name && !predefined.granted);
    let mut advice = Vec::new();
    if lacks("pg_read_all_stats") || lacks("pg_read_all_settings") {
        advice.push(Advice {
            missing: "state, application and waits of other sessions, and the sizes of databases it may not connect to"
                .to_owned(),
            remedy: format!("GRANT pg_monitor TO {role};"),
        });
    }
    let tables: i64 = seen.unreadable.iter().map(|schema| schema.tables).sum();
    if tables > 0 {
        advice.push(Advice {
            missing: format!("revisions and column statistics of {tables} tables that it may not read"),
            remedy: if version.major >= 14 {
                format!("GRANT pg_read_all_data TO {role};")
            } else {
                seen.unreadable
                    .iter()
                    .map(|schema| grants(&schema.schema, schema.usable, &role))
                    .collect::<Vec<_>>()
                    .join(" ")
            },
        });
    }
    advice
}

fn grants(schema: &str, usable: bool, role: &str) -> String {
    let schema = quote(schema);
    let usage = if usable { String::new() } else { format!("GRANT USAGE ON SCHEMA {schema} TO {role}; ") };
    format!("{usage}GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {role};")
}

/// What to do about a server or a database that cannot be reached.
pub(super) fn for_unreachable(kind: ErrorKind, role: &str, datname: &str) -> Vec<Advice> {
    let remedy = match kind {
        ErrorKind::Permission => format!("GRANT CONNECT ON DATABASE {} TO {};", quote(datname), quote(role)),
        ErrorKind::Authentication => format!(
            "if the role is missing: CREATE ROLE {} LOGIN PASSWORD '...'; else check its password and its line in \
             pg_hba.conf for database {datname:?}",
            quote(role)
        ),
        ErrorKind::Connect | ErrorKind::Timeout => {
            "check host and port, that the server runs and listens there (listen_addresses), and the way to it"
                .to_owned()
        }
        ErrorKind::Unavailable => "wait until the server has started, and try again".to_owned(),
        ErrorKind::TooManyConnections => "raise max_connections, or end idle sessions".to_owned(),
        ErrorKind::NoDatabase => "correct the name in the configuration, or create the database".to_owned(),
        ErrorKind::Tls => "compare sslmode and sslrootcert with the server's certificate".to_owned(),
        _ => return Vec::new(),
    };
    vec![Advice { missing: format!("everything in database {datname:?}"), remedy }]
}

/// An identifier as SQL writes it.
fn quote(identifier: &str) -> String {
    let plain = identifier.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    if plain && identifier.starts_with(|first: char| !first.is_ascii_digit()) {
        identifier.to_owned()
    } else {
        crate::postgres::quote(identifier)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collectors::privileges::{PredefinedRole, UnreadableSchema};

    fn seen(monitor: bool, unreadable: Vec<UnreadableSchema>) -> Seen {
        Seen { roles: vec![PredefinedRole { name: "pg_read_all_stats".to_owned(), granted: monitor }], unreadable }
    }

    fn remedies(seen: &Seen, major: u32) -> Vec<String> {
        for_role(seen, "watcher", Version { major, minor: 0 }).into_iter().map(|advice| advice.remedy).collect()
    }

    #[test]
    fn a_role_that_sees_everything_needs_no_advice() {
        assert!(remedies(&seen(true, Vec::new()), 18).is_empty());
    }

    #[test]
    fn a_role_without_pg_monitor_is_told_the_grant() {
        assert_eq!(remedies(&seen(false, Vec::new()), 18), ["GRANT pg_monitor TO watcher;"]);
    }

    #[test]
    fn unreadable_tables_need_one_grant_from_14_on_and_one_per_schema_before() {
        let unreadable = vec![UnreadableSchema { schema: "Sales".to_owned(), usable: false, tables: 3 }];
        let seen = seen(true, unreadable);
        assert_eq!(remedies(&seen, 14), ["GRANT pg_read_all_data TO watcher;"]);
        assert_eq!(
            remedies(&seen, 13),
            ["GRANT USAGE ON SCHEMA \"Sales\" TO watcher; GRANT SELECT ON ALL TABLES IN SCHEMA \"Sales\" TO watcher;"]
        );
    }

    #[test]
    fn a_role_that_may_not_connect_is_told_the_grant() {
        let advice = for_unreachable(ErrorKind::Permission, "watcher", "app");
        assert_eq!(advice[0].remedy, "GRANT CONNECT ON DATABASE app TO watcher;");
    }
}
