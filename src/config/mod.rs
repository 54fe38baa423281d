//! What the user asked for: a validated `Config`, resolved from TOML and the environment before anything starts.
//!
//! The raw file (`deny_unknown_fields`) is parsed, then resolved; every error names line, column and what was expected.
//! Of the other rooms it uses one type: where Alembic's revisions are.

mod application;
mod conninfo;
mod defaults;
mod environment;
mod error;
mod passfile;
mod password;
mod raw;
mod resolve;
mod secret;
mod settings;
mod target;
mod tls;

use std::path::Path;

pub use application::{Application, DEFAULT_VERSION_TABLE, Patterns};
pub use conninfo::ConninfoError;
pub use environment::Environment;
pub use error::ConfigError;
pub use passfile::PassfileError;
pub use password::{PasswordError, PasswordSource};
pub use secret::Secret;
pub use settings::{
    Activity, Alembic, CollectorSettings, Columns, Config, Log, LogFormat, Migrations, Sessions, Tables,
    VersionTableName, Web,
};
pub use target::{Connection, Databases, Host, Target};
pub use tls::{SslMode, Tls};

/// Loads a configuration file. `collectors` are the names that may stand under `[collectors.NAME]`.
pub fn load(path: &Path, collectors: &[&str], environment: &Environment) -> Result<Config, ConfigError> {
    let text =
        std::fs::read_to_string(path).map_err(|cause| ConfigError::Unreadable { path: path.to_owned(), cause })?;
    parse(&text, &path.display().to_string(), collectors, environment)
}

/// Understands the text of a configuration file; `name` stands for the file in errors.
pub fn parse(text: &str, name: &str, collectors: &[&str], environment: &Environment) -> Result<Config, ConfigError> {
    raw::File::parse(text)
        .and_then(|file| resolve::config(file, collectors, environment))
        .map_err(|fault| fault.locate(text, name))
}
