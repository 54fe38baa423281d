//! Where the password of a connection comes from.

use std::path::{Path, PathBuf};

use super::Secret;
use super::passfile::{self, PassfileError};

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

/// Why there is no password. No variant repeats a secret.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// The password file cannot be read.
    #[error("cannot read the password file {}: {cause}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why not.
        cause: std::io::Error,
    },
    /// The password file holds no password.
    #[error("the password file {} is empty", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// libpq's password file cannot be used.
    #[error(transparent)]
    Passfile(#[from] PassfileError),
}

impl PasswordSource {
    /// The password for this connection as it is now, `None` when there is none.
    ///
    /// `host` is a name, an address or the folder of a unix socket. Reads a small file and so blocks for a moment.
    pub fn read(&self, host: &str, port: u16, dbname: &str, user: &str) -> Result<Option<Secret>, PasswordError> {
        match self {
            Self::None => Ok(None),
            Self::Text(secret) => Ok(Some(secret.clone())),
            Self::File(path) => read_file(path).map(Some),
            Self::Passfile(path) => Ok(passfile::read(path, host, port, dbname, user)?),
        }
    }
}

fn read_file(path: &Path) -> Result<Secret, PasswordError> {
    let text =
        std::fs::read_to_string(path).map_err(|cause| PasswordError::Unreadable { path: path.to_owned(), cause })?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    let password = line.strip_suffix('\r').unwrap_or(line);
    if password.is_empty() {
        return Err(PasswordError::Empty { path: path.to_owned() });
    }
    Ok(Secret::new(password))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(source: &PasswordSource) -> Result<Option<Secret>, PasswordError> {
        source.read("db1", 5432, "app", "pgwarden")
    }

    #[test]
    fn a_changed_password_file_is_seen_at_the_next_connect() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("password");
        let source = PasswordSource::File(path.clone());
        for password in ["first", "second"] {
            std::fs::write(&path, password).unwrap();
            assert_eq!(read(&source).unwrap(), Some(Secret::new(password)));
        }
    }

    #[test]
    fn only_the_last_line_break_of_a_password_file_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("password");
        for (content, password) in [(" a b \n", " a b "), ("a\r\n", "a"), ("a\n\n", "a\n"), ("a", "a")] {
            std::fs::write(&path, content).unwrap();
            assert_eq!(read(&PasswordSource::File(path.clone())).unwrap(), Some(Secret::new(password)));
        }
    }

    #[test]
    fn an_empty_password_file_is_an_error_rather_than_no_password() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("password");
        std::fs::write(&path, "\n").unwrap();
        assert!(matches!(read(&PasswordSource::File(path)), Err(PasswordError::Empty { .. })));
    }

    #[test]
    fn a_missing_password_file_is_named() {
        let error = read(&PasswordSource::File("/nowhere/password".into())).unwrap_err();
        assert!(error.to_string().starts_with("cannot read the password file /nowhere/password: "));
    }

    #[test]
    fn a_secret_is_not_shown_by_debug() {
        assert_eq!(format!("{:?}", PasswordSource::Text(Secret::new("hush"))), "Text([redacted])");
    }
}
