//! libpq's password file (`~/.pgpass`): lines of `host:port:database:user:password`, the first that matches counts.

use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::Secret;

/// Folders that libpq is built to look for a server's unix socket in: Debian's and PostgreSQL's own.
pub(super) const SOCKET_FOLDERS: [&str; 2] = ["/var/run/postgresql", "/tmp"];

/// Why a password file is not used.
#[derive(Debug, thiserror::Error)]
pub enum PassfileError {
    /// Others may read it: libpq refuses it as well.
    #[error("the password file {} can be read by others: run chmod 600 on it", path.display())]
    Permissions {
        /// The file.
        path: PathBuf,
    },
    /// It is a folder or a device.
    #[error("the password file {} is not a plain file", path.display())]
    NotAFile {
        /// The file.
        path: PathBuf,
    },
    /// It cannot be read.
    #[error("cannot read the password file {}: {cause}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why not.
        cause: std::io::Error,
    },
}

/// The password for a connection; `None` when no line matches, or when there is no such file, as libpq has it.
pub(super) fn read(
    path: &Path,
    host: &str,
    port: u16,
    dbname: &str,
    user: &str,
) -> Result<Option<Secret>, PassfileError> {
    let unreadable = |cause| PassfileError::Unreadable { path: path.to_owned(), cause };
    // A file that is not plain may block when it is opened, so this is asked first.
    match std::fs::metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(error)),
        Ok(metadata) if !metadata.is_file() => {
            return Err(PassfileError::NotAFile { path: path.to_owned() });
        }
        Ok(_) => {}
    }
    let mut file = std::fs::File::open(path).map_err(unreadable)?;
    if file.metadata().map_err(unreadable)?.permissions().mode() & 0o077 != 0 {
        return Err(PassfileError::Permissions { path: path.to_owned() });
    }
    let mut content = Vec::new();
    file.read_to_end(&mut content).map_err(unreadable)?;
    // A line in another encoding must not hide the others.
    Ok(find(&String::from_utf8_lossy(&content), host, port, dbname, user))
}

/// The password of the first line that matches.
fn find(content: &str, host: &str, port: u16, dbname: &str, user: &str) -> Option<Secret> {
    let host = if SOCKET_FOLDERS.contains(&host) { "localhost" } else { host };
    let wanted = [host, &port.to_string(), dbname, user];
    content
        .split('\n')
        .map(|line| line.strip_suffix('\r').unwrap_or(line))
        .filter(|line| !line.starts_with('#'))
        .find_map(|line| password_of_line(line, wanted))
        .filter(|password| !password.expose().is_empty())
}

/// The password of a line whose four first fields match.
fn password_of_line(line: &str, wanted: [&str; 4]) -> Option<Secret> {
    let mut rest = line;
    for value in wanted {
        let (field, after) = split_field(rest)?;
        if field != "*" && unescape(field) != value {
            return None;
        }
        rest = after;
    }
    // libpq ends the password at a colon as well.
    Some(Secret::new(unescape(split_field(rest).map_or(rest, |(password, _)| password))))
}

/// The text before the first colon that no backslash protects, and the text after it.
fn split_field(text: &str) -> Option<(&str, &str)> {
    let mut escaped = false;
    let colon = text.find(|character| match character {
        _ if escaped => {
            escaped = false;
            false
        }
        '\\' => {
            escaped = true;
            false
        }
        character => character == ':',
    })?;
    Some((&text[..colon], &text[colon + 1..]))
}

/// Removes the backslash from `\:` and `\\`.
fn unescape(field: &str) -> String {
    let mut plain = String::with_capacity(field.len());
    let mut characters = field.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => plain.extend(characters.next()),
            character => plain.push(character),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn password(content: &str) -> Option<String> {
        find(content, "db1", 5432, "app", "pgwarden").map(|secret| secret.expose().to_owned())
    }

    fn file(mode: u32) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".pgpass");
        std::fs::write(&path, "*:*:*:*:hush\n").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        (folder, path)
    }

    #[test]
    fn the_first_matching_line_counts() {
        assert_eq!(password("db2:5432:app:pgwarden:a\ndb1:5432:*:pgwarden:b\n*:*:*:*:c").as_deref(), Some("b"));
    }

    #[test]
    fn nothing_matches_another_port_database_or_user() {
        for line in ["db1:5433:app:pgwarden:x", "db1:5432:other:pgwarden:x", "db1:5432:app:other:x"] {
            assert_eq!(password(line), None, "{line}");
        }
    }

    #[test]
    fn backslashes_protect_colons_and_backslashes() {
        assert_eq!(password(r"*:*:*:*:a\:b\\c").as_deref(), Some(r"a:b\c"));
        assert_eq!(password(r"\*:*:*:*:x"), None, "an escaped star is a star");
    }

    #[test]
    fn comments_short_lines_and_windows_line_ends_are_understood() {
        assert_eq!(
            password("# db1:5432:app:pgwarden:no\r\nnonsense\r\n\r\ndb1:5432:app:pgwarden:yes\r\n").as_deref(),
            Some("yes")
        );
    }

    #[test]
    fn the_socket_in_a_default_folder_is_localhost() {
        let content = "localhost:5432:app:pgwarden:local\n/srv/socket:5432:app:pgwarden:folder";
        let of = |host| find(content, host, 5432, "app", "pgwarden").map(|secret| secret.expose().to_owned());
        assert_eq!(of("/var/run/postgresql").as_deref(), Some("local"));
        assert_eq!(of("/srv/socket").as_deref(), Some("folder"));
    }

    #[test]
    fn a_file_that_others_can_read_is_refused() {
        for mode in [0o640, 0o604, 0o620] {
            let (_folder, path) = file(mode);
            let error = read(&path, "db1", 5432, "app", "pgwarden").unwrap_err();
            assert!(matches!(error, PassfileError::Permissions { .. }), "{mode:o}");
        }
        let (_folder, path) = file(0o600);
        assert_eq!(read(&path, "db1", 5432, "app", "pgwarden").unwrap(), Some(Secret::new("hush")));
    }

    #[test]
    fn no_file_is_no_password_and_a_folder_is_an_error() {
        assert!(read(Path::new("/nowhere/.pgpass"), "db1", 5432, "app", "pgwarden").unwrap().is_none());
        let folder = tempfile::tempdir().unwrap();
        let error = read(folder.path(), "db1", 5432, "app", "pgwarden").unwrap_err();
        assert!(matches!(error, PassfileError::NotAFile { .. }));
    }

    fn quote(field: &str) -> String {
        field.replace('\\', r"\\").replace(':', r"\:")
    }

    proptest! {
        #[test]
        fn any_text_is_survived(content in r"[\PC:\\\n]*", host in r"\PC*") {
            find(&content, &host, 5432, "app", "pgwarden");
        }

        #[test]
        fn a_quoted_line_is_read_back(host in r"[^#\n\r*\x00/][^\n\r*\x00]{0,20}", secret in r"[^\n\r\x00]{1,20}") {
            let line = format!("{}:*:*:*:{}", quote(&host), quote(&secret));
            let found = find(&line, &host, 5432, "app", "pgwarden");
            prop_assert_eq!(found, Some(Secret::new(secret)));
        }
    }
}
