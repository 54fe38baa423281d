//! The surroundings of the process as far as the configuration depends on them, as a value that tests can make up.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Environment variables, who runs the process, and which files are there.
#[derive(Clone, Debug)]
pub struct Environment {
    variables: BTreeMap<String, String>,
    user: Option<String>,
    exists: fn(&Path) -> bool,
}

impl Environment {
    /// That of this process; a variable that is no UTF-8 is left out.
    pub fn process() -> Self {
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        Self {
            variables: std::env::vars_os().filter_map(text).collect(),
            // As libpq does, rather than USER, which containers and services often lack.
            user: whoami::username().ok(),
            exists: Path::exists,
        }
    }

    /// One made of these variables; `USER` is who runs the process, and no file is there.
    pub fn of<const N: usize>(variables: [(&str, &str); N]) -> Self {
        let variables: BTreeMap<_, _> = variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        Self { user: variables.get("USER").cloned(), variables, exists: |_| false }
    }

    /// A variable that is set and not empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The folder for what must survive a restart: ours, else the first that systemd made for the service.
    pub(super) fn state_dir(&self) -> Option<PathBuf> {
        let systemd = || self.get("STATE_DIRECTORY")?.split(':').find(|folder| !folder.is_empty());
        self.get("PGWARDEN_STATE_DIR").or_else(systemd).map(PathBuf::from)
    }

    /// The name of the user who runs the process.
    pub(super) fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// Whether there is such a file.
    pub(super) fn exists(&self, path: &Path) -> bool {
        (self.exists)(path)
    }

    /// A file below the user's home folder.
    pub(super) fn home(&self, file: &str) -> Option<PathBuf> {
        self.get("HOME").map(|home| PathBuf::from(home).join(file))
    }
}

#[cfg(test)]
impl Environment {
    /// The same, with these files.
    pub(super) fn where_exist(self, exists: fn(&Path) -> bool) -> Self {
        Self { exists, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_folder_is_ours_else_the_first_of_systemds() {
        let of = |variables| Environment::of::<2>(variables).state_dir();
        assert_eq!(of([("PGWARDEN_STATE_DIR", "/a"), ("STATE_DIRECTORY", "/b")]), Some("/a".into()));
        assert_eq!(of([("PGWARDEN_STATE_DIR", ""), ("STATE_DIRECTORY", "/b:/c")]), Some("/b".into()));
        assert_eq!(of([("PGWARDEN_STATE_DIR", ""), ("STATE_DIRECTORY", "")]), None);
    }

    #[test]
    fn the_process_has_a_user_even_without_a_variable_that_says_so() {
        assert!(Environment::process().user().is_some_and(|user| !user.is_empty()));
    }
}
