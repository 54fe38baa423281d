//! libpq's password file.
//!
//! Source: <https://www.postgresql.org/docs/current/libpq-pgpass.html>.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::{fs, io};

use super::Secret;

/// Why a password file was not used.
#[derive(Debug, thiserror::Error)]
pub enum PassfileError {
    /// It is there and cannot be read.
    #[error("read password file {path}: {source}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Others than its owner may read it; libpq ignores such a file.
    #[error("password file {path} can be read by group or others; run: chmod 0600 {path}")]
    Exposed {
        /// The file.
        path: PathBuf,
    },
}

/// The password that the file has for a session, if it has one. A file that is not there has none.
pub(super) fn password(
    path: &Path,
    host: &str,
    port: u16,
    dbname: &str,
    user: &str,
) -> Result<Option<Secret>, PassfileError> {
    let unreadable = |source| PassfileError::Unreadable { path: path.to_owned(), source };
    let metadata = match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        metadata => metadata.map_err(unreadable)?,
    };
    if metadata.permissions().mode() & 0o077 != 0 {
        return Err(PassfileError::Exposed { path: path.to_owned() });
    }
    let text = fs::read(path).map_err(unreadable)?;
    Ok(find(&String::from_utf8_lossy(&text), [host, &port.to_string(), dbname, user]))
}

fn find(text: &str, session: [&str; 4]) -> Option<Secret> {
    text.lines().filter(|line| !line.starts_with('#')).find_map(|line| {
        let mut rest = line;
        for wanted in session {
            let (field, after) = field(rest)?;
            if field != "*" && unescape(field) != wanted {
                return None;
            }
            rest = after;
        }
        let end = field(rest).map_or(rest, |(password, _)| password);
        Some(Secret::new(unescape(end)))
    })
}

/// Up to the first colon that is not escaped, and what follows it.
fn field(text: &str) -> Option<(&str, &str)> {
    let mut escaped = false;
    let colon = text.char_indices().find(|(_, character)| {
        let found = *character == ':' && !escaped;
        escaped = *character == '\\' && !escaped;
        found
    })?;
    Some((&text[..colon.0], &text[colon.0 + 1..]))
}

fn unescape(field: &str) -> String {
    let mut characters = field.chars();
    let mut text = String::new();
    while let Some(character) = characters.next() {
        text.push(if character == '\\' { characters.next().unwrap_or('\\') } else { character });
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SESSION: [&str; 4] = ["db", "5432", "app", "me"];

    fn found(text: &str) -> Option<String> {
        find(text, SESSION).map(|secret| secret.expose().to_owned())
    }

    #[test]
    fn the_first_line_that_fits_holds_the_password() {
        assert_eq!(found("# db:5432:app:me:no\nother:*:*:*:no\ndb:*:app:me:first\n*:*:*:*:second").unwrap(), "first");
        assert_eq!(found("db:5433:app:me:no"), None);
        assert_eq!(found("db:5432:app"), None);
    }

    #[test]
    fn colons_and_backslashes_are_escaped_in_every_field() {
        assert_eq!(found(r"db:5432:app:me:a\:b\\c").unwrap(), r"a:b\c");
    }

    #[test]
    fn a_file_that_others_can_read_is_refused_and_one_that_is_missing_is_empty() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pgpass");
        assert_eq!(password(&path, "db", 5432, "app", "me").unwrap(), None);
        fs::write(&path, "db:5432:app:me:secret\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(password(&path, "db", 5432, "app", "me"), Err(PassfileError::Exposed { .. })));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(password(&path, "db", 5432, "app", "me").unwrap(), Some(Secret::new("secret")));
    }

    proptest! {
        #[test]
        fn any_text_is_searched_without_panic(text in any::<String>()) {
            let _ = find(&text, SESSION);
        }
    }
}
