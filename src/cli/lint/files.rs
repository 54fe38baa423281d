//! Which files are linted, and what stands beside them.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::alembic::lint::{self, Migration};

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
        let bytes = match fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) => return self.unread.push(Unread { file: name, reason: error.to_string() }),
        };
        let Some(source) = decoded(bytes) else {
            return self
                .unread
                .push(Unread { file: name, reason: "it is not UTF-8, and declares nothing else".to_owned() });
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

/// The text of a file: UTF-8, or whatever its first two lines declare (PEP 263). Only strings and comments can hold
/// other letters, so that none of them matters here.
fn decoded(bytes: Vec<u8>) -> Option<String> {
    let declared = bytes.split(|byte| *byte == b'\n').take(2).any(|line| {
        let line = String::from_utf8_lossy(line);
        line.trim_start().starts_with('#') && (line.contains("coding:") || line.contains("coding="))
    });
    match String::from_utf8(bytes) {
        Ok(source) => Some(source),
        Err(error) if declared => Some(String::from_utf8_lossy(error.as_bytes()).into_owned()),
        Err(_) => None,
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
