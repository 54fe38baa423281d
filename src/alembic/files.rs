//! Which files of a folder Alembic would load, in the order in which it loads them.

use std::collections::HashSet;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// Folders that hold revision files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Locations {
    /// The folders, in Alembic's order. One that does not exist is skipped, as Alembic does.
    pub folders: Vec<PathBuf>,
    /// Descend into folders below them.
    pub recursive: bool,
    /// Compiled files without a source count as well.
    pub sourceless: bool,
}

/// One file that Alembic would load.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevisionFile {
    /// Where it is, symbolic links resolved.
    pub path: PathBuf,
    /// The name it is shown under: relative to its location, as it was found.
    pub name: String,
    /// It holds compiled code, which is not read.
    pub compiled: bool,
}

/// A folder of revision files that cannot be listed.
#[derive(Debug, Error)]
pub enum ListError {
    /// None of the folders is there: there is nothing to compare a database with.
    #[error("no folder of revision files: {} does not exist", shown(.0))]
    NoFolder(Vec<PathBuf>),
    /// A folder is there and cannot be read.
    #[error("cannot list {folder}: {error}")]
    Unreadable {
        /// The folder.
        folder: PathBuf,
        /// What the system says.
        error: io::Error,
    },
}

fn shown(folders: &[PathBuf]) -> String {
    let folders: Vec<String> = folders.iter().map(|folder| folder.display().to_string()).collect();
    folders.join(", ")
}

/// Lists the files that Alembic would load.
///
/// A file counts by the name that it has once symbolic links are resolved, and once however often it is reached.
pub fn list(locations: &Locations) -> Result<Vec<RevisionFile>, ListError> {
    let mut seen = HashSet::new();
    let mut files = Vec::new();
    let present: Vec<&PathBuf> = locations.folders.iter().filter(|folder| folder.exists()).collect();
    if present.is_empty() {
        return Err(ListError::NoFolder(locations.folders.clone()));
    }
    for location in present {
        for found in walk(location, locations)? {
            let Some(kind) = kind_of(&found.path, locations.sourceless) else { continue };
            if seen.insert(found.path.clone()) {
                let name = found.listed.strip_prefix(location).unwrap_or(&found.listed);
                let name = name.to_string_lossy().into_owned();
                files.push(RevisionFile { name, compiled: kind == Kind::Compiled, path: found.path });
            }
        }
    }
    Ok(files)
}

struct Found {
    listed: PathBuf,
    path: PathBuf,
}

/// Every file of a location, top down, names sorted: `Script._list_py_dir` of Alembic.
fn walk(location: &Path, locations: &Locations) -> Result<Vec<Found>, ListError> {
    let mut found = Vec::new();
    let mut folders = vec![location.to_path_buf()];
    while let Some(folder) = folders.pop() {
        if folder.file_name().is_some_and(|name| name.to_string_lossy().ends_with("__pycache__")) {
            continue;
        }
        let unreadable = |error| ListError::Unreadable { folder: folder.clone(), error };
        let listing = Listing::read(&folder).map_err(unreadable)?;
        let real = folder.canonicalize().map_err(unreadable)?;
        found.extend(listing.files.iter().map(|(name, link)| {
            let listed = folder.join(name);
            let path = if *link { resolve(&listed) } else { real.join(name) };
            Found { listed, path }
        }));
        let cache = folder.join("__pycache__");
        if locations.sourceless && cache.is_dir() {
            let unreadable = |error| ListError::Unreadable { folder: cache.clone(), error };
            let stem = |name: &OsString| name.to_string_lossy().split('.').next().map(str::to_owned);
            let sources: HashSet<Option<String>> = listing.files.iter().map(|(name, _)| stem(name)).collect();
            let cached = Listing::read(&cache).map_err(unreadable)?.files.into_iter();
            found.extend(cached.filter(|(name, _)| !sources.contains(&stem(name))).map(|(name, _)| {
                let listed = cache.join(&name);
                Found { path: resolve(&listed), listed }
            }));
        }
        if locations.recursive {
            folders.extend(listing.folders.into_iter().rev().map(|name| folder.join(name)));
        }
    }
    Ok(found)
}

/// The content of one folder, sorted by name.
#[derive(Default)]
struct Listing {
    /// Name, and whether it is a symbolic link.
    files: Vec<(OsString, bool)>,
    folders: Vec<OsString>,
}

impl Listing {
    fn read(folder: &Path) -> io::Result<Self> {
        let mut listing = Listing::default();
        for entry in folder.read_dir()? {
            let entry = entry?;
            let kind = entry.file_type()?;
            if kind.is_dir() {
                listing.folders.push(entry.file_name());
            } else if !(kind.is_symlink() && entry.path().is_dir()) {
                listing.files.push((entry.file_name(), kind.is_symlink()));
            }
        }
        listing.files.sort();
        listing.folders.sort();
        Ok(listing)
    }
}

/// The target of a symbolic link, also when it is not there: such a file fails when it is read, not silently.
fn resolve(link: &Path) -> PathBuf {
    link.canonicalize().unwrap_or_else(|_| match link.read_link() {
        Ok(target) => link.parent().map_or_else(|| target.clone(), |folder| folder.join(&target)),
        Err(_) => link.to_path_buf(),
    })
}

#[derive(PartialEq, Eq)]
enum Kind {
    Source,
    Compiled,
}

/// `(?!\.\#|__init__)(.*\.py)$`, with `(c|o)?` when compiled files count and no better form of the same file is there.
fn kind_of(path: &Path, sourceless: bool) -> Option<Kind> {
    let name = path.file_name()?.to_string_lossy();
    if name.starts_with(".#") || name.starts_with("__init__") || name.contains('\n') {
        return None;
    }
    if name.ends_with(".py") {
        return Some(Kind::Source);
    }
    let compiled = sourceless && (name.ends_with(".pyc") || name.ends_with(".pyo"));
    if !compiled {
        return None;
    }
    let better = |extension: &str| path.with_extension(extension).exists();
    let replaced = better("py") || name.ends_with(".pyo") && better("pyc");
    (!replaced).then_some(Kind::Compiled)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use tempfile::TempDir;

    use super::*;

    fn folder(files: &[&str]) -> TempDir {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        folder
    }

    fn names(locations: &Locations) -> Vec<String> {
        list(locations).unwrap().into_iter().map(|file| file.name).collect()
    }

    fn plain(folder: &TempDir) -> Locations {
        Locations { folders: vec![folder.path().into()], ..Locations::default() }
    }

    #[test]
    fn files_count_by_their_name() {
        let folder = folder(&[
            "b.py",
            "a.py",
            "_x.py",
            ".y.py",
            "é.py",
            "c.PY",
            "d.pyc",
            "e.txt",
            "py",
            "__init__.py",
            "__init__x.py",
            ".#f.py",
            "sub/g.py",
        ]);
        assert_eq!(names(&plain(&folder)), [".y.py", "_x.py", "a.py", "b.py", "é.py"]);
    }

    #[test]
    fn folders_below_count_when_asked_for_top_down_and_sorted() {
        let folder = folder(&["z.py", "b/x.py", "a/c/y.py", "a/x.py", "a/__pycache__/n.py"]);
        let recursive = Locations { recursive: true, ..plain(&folder) };
        assert_eq!(names(&recursive), ["z.py", "a/x.py", "a/c/y.py", "b/x.py"]);
    }

    #[test]
    fn links_are_resolved_before_their_name_is_looked_at() {
        let folder = folder(&["real/a.py", "real/b.txt", "versions/.keep"]);
        let versions = folder.path().join("versions");
        symlink("../real/a.py", versions.join("renamed.txt")).unwrap();
        symlink("../real/a.py", versions.join("again.py")).unwrap();
        symlink("../real/b.txt", versions.join("text.py")).unwrap();
        symlink("../real/gone.py", versions.join("broken.py")).unwrap();
        symlink("../real", versions.join("folder.py")).unwrap();
        let locations = Locations { folders: vec![versions], recursive: true, sourceless: false };
        assert_eq!(names(&locations), ["again.py", "broken.py"]);
    }

    #[test]
    fn a_file_reached_through_two_locations_counts_once() {
        let folder = folder(&["a/x.py", "b/y.py"]);
        let locations = ["a", "b", "a", "missing"].map(|name| folder.path().join(name));
        assert_eq!(names(&Locations { folders: locations.into(), ..Locations::default() }), ["x.py", "y.py"]);
    }

    #[test]
    fn compiled_files_count_only_without_a_source() {
        let folder = folder(&[
            "a.py",
            "a.pyc",
            "b.pyc",
            "b.pyo",
            "c.pyo",
            "__pycache__/a.cpython-311.pyc",
            "__pycache__/d.cpython-311.pyc",
        ]);
        let sourceless = Locations { sourceless: true, ..plain(&folder) };
        assert_eq!(names(&sourceless), ["a.py", "b.pyc", "c.pyo", "__pycache__/d.cpython-311.pyc"]);
    }

    #[test]
    fn without_any_folder_there_is_nothing_to_list() {
        let locations = Locations { folders: vec!["/nonexistent/versions".into()], ..Locations::default() };
        let error = list(&locations).unwrap_err().to_string();
        assert_eq!(error, "no folder of revision files: /nonexistent/versions does not exist");
    }
}
