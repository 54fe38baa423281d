//! Secrets that no log, label, page or error can show.

use std::path::PathBuf;
use std::{fmt, fs, io};

use super::passfile::{self, PassfileError};

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
    /// libpq's password file, read again at each connect; one that is not there holds no password.
    Passfile(PathBuf),
}

/// Why a password could not be read.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// The password file of the configuration.
    #[error("read password file {path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// libpq's password file.
    #[error(transparent)]
    Passfile(#[from] PassfileError),
}

impl PasswordSource {
    /// The password for a session, or none.
    pub fn read(&self, host: &str, port: u16, dbname: &str, user: &str) -> Result<Option<Secret>, PasswordError> {
        match self {
            Self::None => Ok(None),
            Self::Text(secret) => Ok(Some(secret.clone())),
            Self::File(path) => {
                let text = fs::read_to_string(path);
                let text = text.map_err(|source| PasswordError::File { path: path.clone(), source })?;
                let line = text.strip_suffix('\n').unwrap_or(&text);
                Ok(Some(Secret::new(line.strip_suffix('\r').unwrap_or(line))))
            }
            Self::Passfile(path) => Ok(passfile::password(path, host, port, dbname, user)?),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_does_not_show_itself() {
        assert_eq!(format!("{:?}", PasswordSource::Text(Secret::new("hunter2"))), "Text([redacted])");
    }

    #[test]
    fn a_password_file_is_read_anew_each_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("password");
        let source = PasswordSource::File(path.clone());
        assert!(source.read("db", 5432, "app", "me").is_err());
        for password in ["one", " two\t"] {
            fs::write(&path, format!("{password}\n")).unwrap();
            assert_eq!(source.read("db", 5432, "app", "me").unwrap(), Some(Secret::new(password)));
        }
    }
}
