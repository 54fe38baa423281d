//! Which parameters libpq knows, and what becomes of each here.

use std::collections::BTreeMap;

use super::ConninfoError;
use crate::config::Environment;

/// What becomes of a parameter.
#[derive(Clone, Copy, Debug)]
enum Treatment {
    /// It has a meaning here.
    Used,
    /// It changes nothing that matters here.
    Ignored,
    /// Every value but these asks for something that is not there, and ignoring it would be wrong.
    Only(&'static [&'static str], &'static str),
}

use Treatment::{Ignored, Only, Used};

/// Name, libpq's variable for its default if that is heeded, and treatment.
type Parameter = (&'static str, Option<&'static str>, Treatment);

const PARAMETERS: &[Parameter] = &[
    ("host", Some("PGHOST"), Used),
    ("hostaddr", Some("PGHOSTADDR"), Used),
    ("port", Some("PGPORT"), Used),
    ("dbname", Some("PGDATABASE"), Used),
    ("user", Some("PGUSER"), Used),
    ("password", Some("PGPASSWORD"), Used),
    ("passfile", Some("PGPASSFILE"), Used),
    ("sslmode", Some("PGSSLMODE"), Used),
    ("sslrootcert", Some("PGSSLROOTCERT"), Used),
    ("sslcert", Some("PGSSLCERT"), Used),
    ("sslkey", Some("PGSSLKEY"), Used),
    (
        "channel_binding",
        Some("PGCHANNELBINDING"),
        Only(&["disable", "prefer"], "it is used where the server offers it, and cannot be required"),
    ),
    (
        "target_session_attrs",
        Some("PGTARGETSESSIONATTRS"),
        Only(&["any"], "the first host that answers is taken: name the one that is meant"),
    ),
    ("service", Some("PGSERVICE"), Only(&[], "service files are not read: name host, user and database")),
    ("servicefile", None, Only(&[], "service files are not read: name host, user and database")),
    ("options", None, Only(&[], "sessions set their own limits, and a pooler may refuse options")),
    ("replication", None, Only(&["false", "off", "no", "0"], "sessions run queries")),
    ("require_auth", Some("PGREQUIREAUTH"), Only(&[], "require the method in the server's pg_hba.conf")),
    ("requirepeer", Some("PGREQUIREPEER"), Only(&[], "the owner of the server's process is not checked")),
    ("sslcrl", Some("PGSSLCRL"), Only(&[], "revocation lists are not read")),
    ("sslcrldir", Some("PGSSLCRLDIR"), Only(&[], "revocation lists are not read")),
    ("sslpassword", None, Only(&[], "give a key file without a passphrase")),
    ("sslcertmode", Some("PGSSLCERTMODE"), Only(&["allow"], "name sslcert and sslkey, or leave them out")),
    ("sslnegotiation", Some("PGSSLNEGOTIATION"), Only(&["postgres"], "only \"postgres\" is")),
    (
        "ssl_min_protocol_version",
        Some("PGSSLMINPROTOCOLVERSION"),
        Only(&["TLSv1", "TLSv1.1", "TLSv1.2"], "TLS 1.2 and 1.3 are used: TLSv1.2 is the highest minimum"),
    ),
    (
        "ssl_max_protocol_version",
        Some("PGSSLMAXPROTOCOLVERSION"),
        Only(&["TLSv1.3"], "TLS 1.2 and 1.3 are used: TLSv1.3 is the only maximum"),
    ),
    ("gssencmode", Some("PGGSSENCMODE"), Only(&["disable", "prefer"], "GSSAPI encryption is not there: use sslmode")),
    // The session names itself and has its own time-outs and encoding: see [sessions].
    ("application_name", None, Ignored),
    ("fallback_application_name", None, Ignored),
    ("client_encoding", None, Ignored),
    ("connect_timeout", None, Ignored),
    ("keepalives", None, Ignored),
    ("keepalives_idle", None, Ignored),
    ("keepalives_interval", None, Ignored),
    ("keepalives_count", None, Ignored),
    ("tcp_user_timeout", None, Ignored),
    ("load_balance_hosts", None, Ignored),
    ("sslcompression", None, Ignored),
    ("sslsni", None, Ignored),
    ("sslkeylogfile", None, Ignored),
    ("krbsrvname", None, Ignored),
    ("gsslib", None, Ignored),
    ("gssdelegation", None, Ignored),
    ("scram_client_key", None, Only(&[], "give the password")),
    ("scram_server_key", None, Only(&[], "give the password")),
    ("oauth_issuer", None, Only(&[], "OAuth is not supported: give a password or a certificate")),
    ("oauth_client_id", None, Only(&[], "OAuth is not supported: give a password or a certificate")),
    ("oauth_client_secret", None, Only(&[], "OAuth is not supported: give a password or a certificate")),
    ("oauth_scope", None, Only(&[], "OAuth is not supported: give a password or a certificate")),
    ("min_protocol_version", None, Only(&["3.0"], "protocol 3.0 is spoken")),
    ("max_protocol_version", None, Ignored),
    // Of SQLAlchemy's drivers, which share the URL.
    ("async_fallback", None, Ignored),
    ("prepared_statement_cache_size", None, Ignored),
];

/// The parameters of one connection string, the last mention of each.
#[derive(Debug, Default)]
pub(super) struct Parameters {
    given: BTreeMap<&'static str, String>,
    last: Option<&'static str>,
}

impl Parameters {
    /// Takes a parameter in the order of the text; `remedy` says how to quote a value there.
    pub(super) fn insert(&mut self, keyword: &str, value: String, remedy: &'static str) -> Result<(), ConninfoError> {
        let Some(&(keyword, _, treatment)) = PARAMETERS.iter().find(|(known, ..)| *known == keyword) else {
            return Err(self.unknown(keyword, remedy));
        };
        check(keyword, &value, treatment)?;
        self.given.insert(keyword, value);
        self.last = Some(keyword);
        Ok(())
    }

    /// The parameter's value: the one given, else the one in the environment; never empty, which is libpq's "not given".
    pub(super) fn get<'a>(&'a self, keyword: &str, environment: &'a Environment) -> Option<&'a str> {
        let given = self.given.get(keyword).map(String::as_str).filter(|value| !value.is_empty());
        given.or_else(|| {
            let (_, variable, _) = PARAMETERS.iter().find(|(known, ..)| *known == keyword)?;
            environment.get((*variable)?)
        })
    }

    /// Whether a variable of the environment asks for something that is not there.
    pub(super) fn check_environment(&self, environment: &Environment) -> Result<(), ConninfoError> {
        PARAMETERS
            .iter()
            .filter(|(keyword, ..)| !self.given.contains_key(keyword))
            .filter_map(|(keyword, variable, treatment)| Some((keyword, environment.get((*variable)?)?, treatment)))
            .try_for_each(|(keyword, value, treatment)| check(keyword, value, *treatment))
    }

    /// What follows a password may be the rest of it, and what no parameter could be called may be anything.
    fn unknown(&self, keyword: &str, remedy: &'static str) -> ConninfoError {
        match self.last {
            Some(after @ ("password" | "sslpassword")) => ConninfoError::Misquoted { after, remedy },
            _ if is_word(keyword) => ConninfoError::Unknown { keyword: keyword.to_owned() },
            Some(after) => ConninfoError::Misquoted { after, remedy },
            None => ConninfoError::NotAConnectionString,
        }
    }
}

fn is_word(keyword: &str) -> bool {
    !keyword.is_empty() && keyword.chars().all(|character| character.is_ascii_alphanumeric() || character == '_')
}

fn check(keyword: &'static str, value: &str, treatment: Treatment) -> Result<(), ConninfoError> {
    match treatment {
        Only(values, reason) if !value.is_empty() && !values.iter().any(|only| only.eq_ignore_ascii_case(value)) => {
            Err(ConninfoError::Unsupported { keyword, reason })
        }
        _ => Ok(()),
    }
}
