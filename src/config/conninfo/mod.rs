//! libpq's connection strings, as a URL or as keywords and values, with libpq's defaults from the environment.
//!
//! Source of the grammar and of the parameters: PostgreSQL's documentation, "Connection Strings" and "Parameter Key Words".
//! A string is first taken apart into parameters (`url`, `keywords`), then the parameters get their meaning (`resolve`).
//!
//! Invariant: no error repeats a part of a string that may belong to a password, not even of one that is quoted wrongly.

mod error;
mod keywords;
mod parameters;
mod resolve;
mod url;

pub use error::ConninfoError;

use super::{Connection, Environment};

impl Connection {
    /// Reads a connection string: a URL (`postgresql://`, with or without an SQLAlchemy driver such as
    /// `postgresql+psycopg2://`) or keywords and values (`host=db1 dbname=app`). What it leaves out comes from libpq's
    /// environment variables, then from libpq's defaults. An empty text is all defaults.
    pub fn from_conninfo(text: &str, environment: &Environment) -> Result<Self, ConninfoError> {
        if text.contains('\0') {
            return Err(ConninfoError::NullCharacter);
        }
        let parameters = match text.split_once("://") {
            // A URL may stand inside a value, but never before the first equals sign.
            Some((scheme, rest)) if !scheme.contains('=') => url::parse(scheme, rest)?,
            _ => keywords::parse(text)?,
        };
        resolve::connection(&parameters, environment)
    }
}

#[cfg(test)]
mod tests;
