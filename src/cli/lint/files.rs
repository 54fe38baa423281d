//! Which files are linted, and what stands beside them.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::alembic::lint::{self, Migration};
use crate::alembic::source;

/// A revision file that was read.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) migration: Migration,
    /// The `env.py` that runs it sets a `lock_timeout`.
    pub(super) lock_timeout_is_set: bool,
}

/// A file that could not be read, and why.
#[derive(Debug)]
pub(super) struct Unread {
    pub(super) file: String,
    pub(super) reason: String,
}

/// What the paths of the command line led to.
#[derive(Debug, Default)]
pub(super) struct Files {
    pub(super) found: Vec<Found>,
    pub(super) unread: Vec<Unread>,
}

/// Reads the files that are named, and the revision files of the folders that are named.
pub(super) fn read(paths: &[PathBuf]) -> anyhow::Result<Files> {
    let mut files = Files::default();
    let mut environments = HashMap::new();
    for path in paths {
        let metadata = fs::metadata(path).with_context(|| format!("cannot read {}", path.display()))?;
        if metadata.is_dir() {
            for file in python_files(path)? {
                files.add(&file, false, &mut environments);
            }
        } else {
            files.add(path, true, &mut environments);
        }
    }
    Ok(files)
}

/// The paths as a message shows them.
pub(super) fn list(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
}

impl Files {
    fn add(&mut self, path: &Path, wanted: bool, environments: &mut HashMap<PathBuf, bool>) {
        let name = path.display().to_string();
        let text = fs::read(path).map_err(|error| error.to_string());
        let source = match text.and_then(|bytes| source::decode(&bytes).map_err(|error| error.to_string())) {
            Ok(source) => source,
            Err(reason) => return self.unread.push(Unread { file: name, reason }),
        };
        match lint::read(&name, &source) {
            Ok(migration) if wanted || migration.is_revision => {
                let folder = path.parent().unwrap_or(Path::new(".")).to_owned();
                let lock_timeout_is_set =
                    *environments.entry(folder).or_insert_with_key(|folder| lint::sets_lock_timeout(folder));
                self.found.push(Found { migration, lock_timeout_is_set });
            }
            // Other Python in a folder of migrations is not what was asked for, broken or not.
            Err(error) if wanted || source.contains("down_revision") => {
                self.unread.push(Unread { file: name, reason: error.to_string() });
            }
            Ok(_) | Err(_) => {}
        }
    }
}

/// Every `*.py` below a folder, sorted by path; symbolic links to folders are not followed, so that there is no circle.
fn python_files(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(&folder).with_context(|| format!("cannot list {}", folder.display()))?;
        for entry in entries {
            let entry = entry.with_context(|| format!("cannot list {}", folder.display()))?;
            let (path, kind) = (entry.path(), entry.file_type());
            if kind.as_ref().is_ok_and(fs::FileType::is_dir) {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "py") && path.is_file() {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}
