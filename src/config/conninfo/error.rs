//! What is wrong with a connection string.

use std::path::PathBuf;

/// Why a connection string cannot be used. No variant repeats a password.
#[derive(Debug, thiserror::Error)]
pub enum ConninfoError {
    /// Neither a URL nor keywords and values.
    #[error(
        "expected a URL \"postgresql://user@host:port/database\" or \"keyword=value\" pairs such as \"host=db1 dbname=app\""
    )]
    NotAConnectionString,
    /// A URL of something else.
    #[error(
        "expected the scheme \"postgresql://\" or \"postgres://\", with an SQLAlchemy driver such as \"postgresql+psycopg2://\" if need be"
    )]
    Scheme,
    /// The URL cannot be taken apart.
    #[error("{0}")]
    Url(&'static str),
    /// A part of the URL is not percent-encoded as it should be.
    #[error(
        "the {part} of the URL is not percent-encoded: write \"%25\" for a percent sign, and two hexadecimal digits of UTF-8 after each other one"
    )]
    Encoding {
        /// Which part.
        part: &'static str,
    },
    /// No value can contain this.
    #[error("a connection string cannot contain the null character")]
    NullCharacter,
    /// A quoted value does not end.
    #[error("unterminated quoted string: close it with ', and write \\' for a quote inside a value")]
    Unterminated,
    /// A word without a value.
    #[error("missing \"=\" after word {word}: put a value with spaces into single quotes")]
    MissingEquals {
        /// Which word of the string, from 1.
        word: usize,
    },
    /// libpq has no such parameter.
    #[error("unknown connection parameter \"{keyword}\"")]
    Unknown {
        /// Its name.
        keyword: String,
    },
    /// What should be the name of a parameter is not shown because it may be a part of a password.
    #[error(
        "the value of \"{after}\" is not quoted properly, or the name of the parameter after it is wrong: {remedy}"
    )]
    Misquoted {
        /// The parameter before.
        after: &'static str,
        /// How to quote.
        remedy: &'static str,
    },
    /// A parameter of libpq that is not supported.
    #[error("connection parameter \"{keyword}\" is not supported: {reason}")]
    Unsupported {
        /// Its name.
        keyword: &'static str,
        /// Why, or what to do instead.
        reason: &'static str,
    },
    /// A value that the parameter cannot have.
    #[error("invalid value for connection parameter \"{keyword}\": expected {expected}")]
    Value {
        /// Name of the parameter.
        keyword: &'static str,
        /// What it can be.
        expected: &'static str,
    },
    /// As many ports as hosts, or one for all.
    #[error("{ports} ports for {hosts} hosts: expected one port for all or one for each")]
    Ports {
        /// Number of ports.
        ports: usize,
        /// Number of hosts.
        hosts: usize,
    },
    /// Neither the string nor the environment names the role.
    #[error("no user: name it in the connection string or in PGUSER")]
    NoUser,
    /// A file that is named is not there.
    #[error("cannot read the file {} of connection parameter \"{parameter}\": {cause}", path.display())]
    Unreadable {
        /// Name of the parameter.
        parameter: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        cause: std::io::Error,
    },
}
