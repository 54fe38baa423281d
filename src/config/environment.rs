//! The process' environment, as a value that tests can make up.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// Environment variables, and who runs the process.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    variables: BTreeMap<String, String>,
}

impl Environment {
    /// That of this process; a variable that is no UTF-8 is left out.
    pub fn process() -> Self {
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        Self { variables: std::env::vars_os().filter_map(text).collect() }
    }

    /// One made of these variables.
    pub fn of<const N: usize>(variables: [(&str, &str); N]) -> Self {
        Self { variables: variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into() }
    }

    /// A variable that is set and not empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The folder for what must survive a restart: ours, else the first that systemd made for the service.
    pub(super) fn state_dir(&self) -> Option<PathBuf> {
        let systemd = || self.get("STATE_DIRECTORY")?.split(':').next();
        self.get("PGWARDEN_STATE_DIR").or_else(systemd).map(PathBuf::from)
    }

    /// The name of the user who runs the process.
    pub(super) fn user(&self) -> Option<&str> {
        self.get("USER").or_else(|| self.get("LOGNAME"))
    }

    /// A file below the user's home folder.
    pub(super) fn home(&self, file: &str) -> Option<PathBuf> {
        self.get("HOME").map(|home| PathBuf::from(home).join(file))
    }
}
