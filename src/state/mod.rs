//! What must survive a restart: when something was first seen as it is now.
//!
//! PostgreSQL and Alembic store no time of a migration, so "since when" can only be observed. Observations live in
//! memory and, where a state folder is configured, in one small file that is replaced atomically. A file that cannot
//! be read or written is reported and stops nothing.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// The name of the file in the state folder.
const FILE: &str = "first-seen.json";

/// A file that is written and removed again, to see whether that works.
const TRIAL: &str = "trial";

/// The version of its format.
const FORMAT: u32 = 1;

/// An observation: what was seen, and since when it is so.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Seen {
    value: String,
    since: f64,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct File {
    version: u32,
    seen: BTreeMap<String, Seen>,
}

#[derive(Debug, Default)]
struct Contents {
    seen: BTreeMap<String, Seen>,
    changed: bool,
}

/// Observations by subject.
#[derive(Debug, Default)]
pub struct Memory {
    contents: Mutex<Contents>,
    folder: Option<PathBuf>,
}

/// Why the state folder could not be used.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The file is there and cannot be read.
    #[error("read state file {file}: {error}; what it held is lost, first-seen times start anew")]
    Read {
        /// The file.
        file: PathBuf,
        /// What went wrong.
        error: io::Error,
    },
    /// The file cannot be replaced.
    #[error("write state file {file}: {error}; check that the folder exists, is writable and has room")]
    Write {
        /// The file.
        file: PathBuf,
        /// What went wrong.
        error: io::Error,
    },
}

impl Memory {
    /// The memory kept in a folder, or in this process alone. A broken file is returned as an error beside an empty
    /// memory that will replace it.
    pub fn open(folder: Option<&Path>) -> (Self, Option<StateError>) {
        let Some(folder) = folder else { return (Self::default(), None) };
        let file = folder.join(FILE);
        let (seen, error) = match read(&file) {
            Ok(seen) => (seen, None),
            Err(error) => (BTreeMap::new(), Some(StateError::Read { file, error })),
        };
        let contents = Mutex::new(Contents { seen, changed: false });
        (Self { contents, folder: Some(folder.to_owned()) }, error)
    }

    /// Whether a folder can keep observations: what is there can be read, and there is room for more. Changes nothing.
    pub fn check(folder: &Path) -> Result<(), StateError> {
        let file = folder.join(FILE);
        if let Err(error) = read(&file) {
            return Err(StateError::Read { file, error });
        }
        let trial = folder.join(TRIAL);
        let tried = replace(&trial, TRIAL.as_bytes()).and_then(|()| fs::remove_file(trial));
        tried.map_err(|error| StateError::Write { file, error })
    }

    /// Whether observations survive a restart.
    pub fn is_persistent(&self) -> bool {
        self.folder.is_some()
    }

    /// Notes what a subject looks like now; returns the Unix time since which it has been seen like this.
    pub fn observe(&self, subject: &[&str], value: &str) -> f64 {
        let subject = key(subject);
        let mut contents = self.lock();
        if let Some(seen) = contents.seen.get(&subject).filter(|seen| seen.value == value) {
            return seen.since;
        }
        let since = now();
        contents.seen.insert(subject, Seen { value: value.to_owned(), since });
        contents.changed = true;
        since
    }

    /// What a subject looked like when it was last observed, and since when.
    pub fn last(&self, subject: &[&str]) -> Option<(String, f64)> {
        self.lock().seen.get(&key(subject)).map(|seen| (seen.value.clone(), seen.since))
    }

    /// Forgets the subjects under `prefix` that `keep` does not hold: they are no longer there.
    pub fn retain(&self, prefix: &[&str], keep: impl Fn(&[&str]) -> bool) {
        let mut start = key(prefix);
        start.push(SEPARATOR);
        let mut contents = self.lock();
        let before = contents.seen.len();
        contents.seen.retain(|subject, _| {
            let Some(rest) = subject.strip_prefix(&start) else { return true };
            keep(&rest.split(SEPARATOR).collect::<Vec<_>>())
        });
        contents.changed |= contents.seen.len() != before;
    }

    /// Writes what has changed since the last call to the state folder, if there is one.
    pub fn save(&self) -> Result<(), StateError> {
        let Some(folder) = &self.folder else { return Ok(()) };
        let text = {
            let mut contents = self.lock();
            if !contents.changed {
                return Ok(());
            }
            contents.changed = false;
            serde_json::to_vec(&File { version: FORMAT, seen: contents.seen.clone() })
        };
        let file = folder.join(FILE);
        text.map_err(io::Error::from).and_then(|text| replace(&file, &text)).map_err(|error| {
            self.lock().changed = true;
            StateError::Write { file, error }
        })
    }

    fn lock(&self) -> MutexGuard<'_, Contents> {
        self.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Stands between the parts of a key: no identifier of PostgreSQL can hold it.
const SEPARATOR: char = '\0';

fn key(parts: &[&str]) -> String {
    parts.join(&SEPARATOR.to_string())
}

/// The Unix time in seconds.
pub fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}

fn read(file: &Path) -> io::Result<BTreeMap<String, Seen>> {
    let text = match fs::read(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        text => text?,
    };
    let file: File = serde_json::from_slice(&text)?;
    if file.version != FORMAT {
        return Err(io::Error::other(format!("its format is version {}, expected {FORMAT}", file.version)));
    }
    Ok(file.seen)
}

/// Replaces a file in one step: a reader, or a crash in between, meets the old content or the new one.
fn replace(file: &Path, content: &[u8]) -> io::Result<()> {
    let draft = file.with_extension(format!("{}.tmp", std::process::id()));
    let written = fs::File::create(&draft).and_then(|mut draft| {
        draft.write_all(content)?;
        draft.sync_all()
    });
    let replaced = written.and_then(|()| fs::rename(&draft, file));
    if replaced.is_err() {
        let _ = fs::remove_file(&draft);
    }
    replaced
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SUBJECT: &[&str] = &["main", "app", "public", "alembic_version"];

    #[test]
    fn a_value_keeps_its_first_seen_time_until_it_changes() {
        let memory = Memory::default();
        let first = memory.observe(SUBJECT, "a1");
        assert_eq!(memory.observe(SUBJECT, "a1").to_bits(), first.to_bits());
        assert!(memory.observe(SUBJECT, "b2") >= first);
        assert_eq!(memory.last(SUBJECT).unwrap().0, "b2");
    }

    #[test]
    fn first_seen_times_survive_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let (memory, error) = Memory::open(Some(folder.path()));
        assert!(error.is_none());
        let first = memory.observe(SUBJECT, "a1");
        memory.save().unwrap();
        let (again, error) = Memory::open(Some(folder.path()));
        assert!(error.is_none());
        assert_eq!(again.observe(SUBJECT, "a1").to_bits(), first.to_bits());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no draft stays behind");
    }

    #[test]
    fn a_broken_file_is_reported_and_replaced() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(FILE), "{\"version\": 1, \"seen\"").unwrap();
        let (memory, error) = Memory::open(Some(folder.path()));
        assert!(matches!(error, Some(StateError::Read { .. })));
        memory.observe(SUBJECT, "a1");
        memory.save().unwrap();
        assert!(Memory::open(Some(folder.path())).1.is_none());
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_reported_and_loses_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let (memory, _) = Memory::open(Some(&folder.path().join("missing")));
        memory.observe(SUBJECT, "a1");
        assert!(matches!(memory.save(), Err(StateError::Write { .. })));
        fs::create_dir(folder.path().join("missing")).unwrap();
        memory.save().unwrap();
        assert_eq!(Memory::open(Some(&folder.path().join("missing"))).0.last(SUBJECT).unwrap().0, "a1");
    }

    #[test]
    fn a_folder_is_checked_without_a_change() {
        let folder = tempfile::tempdir().unwrap();
        Memory::check(folder.path()).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        assert!(matches!(Memory::check(&folder.path().join("missing")), Err(StateError::Write { .. })));
        fs::write(folder.path().join(FILE), "no JSON").unwrap();
        assert!(matches!(Memory::check(folder.path()), Err(StateError::Read { .. })));
    }

    #[test]
    fn what_is_gone_is_forgotten() {
        let memory = Memory::default();
        memory.observe(SUBJECT, "a1");
        memory.observe(&["main", "app", "public", "gone"], "b2");
        memory.observe(&["main", "apps", "public", "gone"], "c3");
        memory.retain(&["main", "app"], |subject| subject == ["public", "alembic_version"]);
        assert!(memory.last(SUBJECT).is_some());
        assert!(memory.last(&["main", "app", "public", "gone"]).is_none());
        assert!(memory.last(&["main", "apps", "public", "gone"]).is_some());
    }

    proptest! {
        #[test]
        fn any_bytes_in_the_file_are_an_error_or_a_memory(content in any::<Vec<u8>>()) {
            let folder = tempfile::tempdir().unwrap();
            fs::write(folder.path().join(FILE), content).unwrap();
            let _ = Memory::open(Some(folder.path()));
        }
    }
}
