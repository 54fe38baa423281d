//! Secrets that no log, label, page or error can show.

use std::fmt;
use std::path::PathBuf;

/// Text that is exposed only on purpose.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for the one place that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("[redacted]")
    }
}

/// Where a password comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PasswordSource {
    /// None is sent.
    None,
    /// Given in the configuration or in the environment.
    Text(Secret),
    /// The content of a file, its last line break removed, read again at each connect.
    File(PathBuf),
    /// libpq's password file, read again at each connect.
    Passfile(PathBuf),
}

impl PasswordSource {
    /// The password for one host, or none.
    pub fn read(&self, _host: &str, _port: u16, _dbname: &str, _user: &str) -> std::io::Result<Option<Secret>> {
        match self {
            Self::Text(secret) => Ok(Some(secret.clone())),
            Self::File(file) => Ok(Some(Secret::new(std::fs::read_to_string(file)?.trim_end_matches(['\n', '\r'])))),
            Self::None | Self::Passfile(_) => Ok(None),
        }
    }
}
