//! What the code expects, kept up to date: revision files or a manifest, read again only where something changed.

use std::collections::HashMap;
use std::fs::Metadata;
use std::io;
use std::num::NonZero;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, SystemTime};

use thiserror::Error;

use super::configuration::{self, ConfigurationError};
use super::files::{self, ListError, Locations, RevisionFile};
use super::graph::Graph;
use super::manifest::{self, ManifestError};
use super::reader::{self, Script, Unparsable};

/// Where the expected revisions come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// Folders with an `env.py`, or folders of revision files.
    Folders {
        /// The folders, in Alembic's order.
        folders: Vec<PathBuf>,
        /// Descend into the folders below them.
        recursive: bool,
    },
    /// An `alembic.ini` or a `pyproject.toml`.
    Configuration {
        /// The file.
        path: PathBuf,
        /// The section of the ini, `alembic` by default.
        section: String,
    },
    /// A file that `pgwarden alembic manifest` has written.
    Manifest(PathBuf),
}

/// Why there is no graph.
#[derive(Debug, Error)]
pub enum ScriptsError {
    /// The configuration does not lead to revision files.
    #[error(transparent)]
    Configuration(#[from] ConfigurationError),
    /// The folders cannot be listed.
    #[error(transparent)]
    List(#[from] ListError),
    /// The manifest cannot be read.
    #[error("cannot read {path}: {error}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// The manifest is not one.
    #[error("{path} {error}")]
    Manifest {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        error: ManifestError,
    },
}

/// The graph of one source, with what is needed to notice that it changed.
#[derive(Debug)]
pub struct Scripts {
    source: Source,
    /// The files that the graph was made from, in order.
    files: Vec<(RevisionFile, Option<Stamp>)>,
    read: HashMap<PathBuf, Cached>,
    graph: Option<Arc<Graph>>,
}

/// What a file looks like from outside. A changed content changes at least one of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

/// What a file declares.
#[derive(Clone, Debug)]
struct Cached {
    /// `None`: the file has to be read again, whatever it looks like.
    stamp: Option<Stamp>,
    content: Result<Script, Unparsable>,
}

impl Scripts {
    /// Nothing is read before the first [`refresh`](Scripts::refresh).
    pub fn new(source: Source) -> Self {
        Scripts { source, files: vec![], read: HashMap::new(), graph: None }
    }

    /// The source that was given.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// The graph as it is on disk now. The same `Arc` comes back while nothing changed.
    ///
    /// Blocks on the file system: one `stat` per file, and a read of those that are new or changed.
    pub fn refresh(&mut self) -> Result<Arc<Graph>, ScriptsError> {
        let locations = match &self.source {
            Source::Manifest(path) => return self.refresh_manifest(path.clone()),
            Source::Folders { folders, recursive } => configuration::from_folders(folders, *recursive)?,
            Source::Configuration { path, section } => configuration::from_file(path, section)?,
        };
        self.refresh_files(&locations)
    }

    /// When the newest of the files was modified; `None` before the first refresh and without files.
    pub fn modified(&self) -> Option<SystemTime> {
        self.files.iter().filter_map(|(_, stamp)| Some(stamp.as_ref()?.modified())).max()
    }

    /// The file that declares a revision, for those who want to read more of it; `None` when it came from a manifest.
    pub fn path_of(&self, revision: &str) -> Option<&Path> {
        let declares = |cached: &Cached| cached.content.as_ref().is_ok_and(|script| script.revision == revision);
        let mut paths = self.files.iter().map(|(file, _)| file.path.as_path());
        paths.rfind(|path| self.read.get(*path).is_some_and(declares))
    }

    fn refresh_manifest(&mut self, path: PathBuf) -> Result<Arc<Graph>, ScriptsError> {
        let unreadable = |error| ScriptsError::Unreadable { path: path.clone(), error };
        let started = SystemTime::now();
        let stamp = Stamp::of(&path.metadata().map_err(unreadable)?);
        if let ([(_, Some(known))], Some(graph)) = (self.files.as_slice(), &self.graph)
            && *known == stamp
        {
            return Ok(graph.clone());
        }
        let json = std::fs::read(&path).map_err(unreadable)?;
        let graph =
            Arc::new(manifest::read(&json).map_err(|error| ScriptsError::Manifest { path: path.clone(), error })?);
        let file = RevisionFile { name: path.display().to_string(), path, compiled: false };
        self.files = vec![(file, Some(stamp))];
        self.graph = stamp.settled(started).then(|| graph.clone());
        Ok(graph)
    }

    fn refresh_files(&mut self, locations: &Locations) -> Result<Arc<Graph>, ScriptsError> {
        let started = SystemTime::now();
        let files: Vec<_> = files::list(locations)?
            .into_iter()
            .map(|file| {
                let stamp = file.path.metadata().ok().filter(Metadata::is_file).map(|metadata| Stamp::of(&metadata));
                (file, stamp)
            })
            .collect();
        if let Some(graph) = &self.graph
            && self.files == files
        {
            return Ok(graph.clone());
        }
        let contents = read_all(&files, &self.read, started);
        // A file that is not there stays as it is known: nothing about it could be read.
        let settled = files.iter().zip(&contents).all(|((_, stamp), content)| content.stamp == *stamp);
        let (mut scripts, mut unparsable) = (vec![], vec![]);
        for content in &contents {
            match &content.content {
                Ok(script) => scripts.push(script.clone()),
                Err(reason) => unparsable.push(reason.clone()),
            }
        }
        self.read = files.iter().map(|(file, _)| file.path.clone()).zip(contents).collect();
        let graph = Arc::new(Graph::new(scripts, unparsable));
        self.files = files;
        self.graph = settled.then(|| graph.clone());
        Ok(graph)
    }
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        Stamp {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    fn modified(&self) -> SystemTime {
        since_epoch(self.modified)
    }

    /// The file was last changed long enough before `started` that another change would get another time.
    fn settled(&self, started: SystemTime) -> bool {
        const GRANULARITY: Duration = Duration::from_millis(100);
        since_epoch(self.changed) + GRANULARITY < started
    }
}

fn since_epoch((seconds, nanoseconds): (i64, i64)) -> SystemTime {
    let after = Duration::new(seconds.unsigned_abs(), u32::try_from(nanoseconds).unwrap_or(0));
    let epoch = SystemTime::UNIX_EPOCH;
    if seconds < 0 { epoch - Duration::from_secs(seconds.unsigned_abs()) } else { epoch + after }
}

/// What every file declares, in order; those that are known by their stamp are not read.
fn read_all(
    files: &[(RevisionFile, Option<Stamp>)],
    known: &HashMap<PathBuf, Cached>,
    started: SystemTime,
) -> Vec<Cached> {
    let cached = |(file, stamp): &(RevisionFile, Option<Stamp>)| {
        let cached = known.get(&file.path).filter(|cached| stamp.is_some() && cached.stamp == *stamp)?;
        let name = match &cached.content {
            Ok(script) => &script.file,
            Err(unparsable) => &unparsable.file,
        };
        (*name == file.name).then(|| cached.clone())
    };
    let mut contents: Vec<_> = files.iter().map(cached).collect();
    let changed: Vec<usize> = (0..files.len()).filter(|&index| contents[index].is_none()).collect();
    let read_one = |index: usize| {
        let (file, stamp) = &files[index];
        read_file(file, stamp.filter(|stamp| stamp.settled(started)), stamp.is_some())
    };
    for (index, content) in in_parallel(&changed, read_one) {
        contents[index] = Some(content);
    }
    contents.into_iter().flatten().collect()
}

/// Applies `work` to each index, on as many threads as there are processors when it is worth it.
fn in_parallel<T: Send>(indexes: &[usize], work: impl Fn(usize) -> T + Sync) -> Vec<(usize, T)> {
    /// Files that one thread reads in about the time that it takes to start.
    const WORTH_A_THREAD: usize = 16;
    /// Enough for the deepest tree that is parsed.
    const STACK: usize = 16 * 1024 * 1024;
    let next = AtomicUsize::new(0);
    let take = || {
        let taken = || indexes.get(next.fetch_add(1, Ordering::Relaxed)).copied();
        std::iter::from_fn(taken).map(|index| (index, work(index))).collect::<Vec<_>>()
    };
    let processors = thread::available_parallelism().map_or(1, NonZero::get);
    let threads = processors.min(indexes.len() / WORTH_A_THREAD);
    thread::scope(|scope| {
        // A thread that the system refuses leaves its share to the others, and at least to this one.
        let spawn = |_| thread::Builder::new().stack_size(STACK).spawn_scoped(scope, take).ok();
        let threads: Vec<_> = (0..threads).filter_map(spawn).collect();
        let mut done = if threads.is_empty() { take() } else { vec![] };
        for thread in threads {
            match thread.join() {
                Ok(part) => done.extend(part),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        done
    })
}

fn read_file(file: &RevisionFile, stamp: Option<Stamp>, regular: bool) -> Cached {
    let unparsable = |reason: String| Err(Unparsable { file: file.name.clone(), reason });
    if file.compiled {
        return Cached { stamp, content: unparsable("is compiled, and its source is not there".to_owned()) };
    }
    if !regular {
        return Cached { stamp: None, content: unparsable("is not there, or is not a regular file".to_owned()) };
    }
    match std::fs::read(&file.path) {
        // What hinders the system now need not do so next time.
        Err(error) => Cached { stamp: None, content: unparsable(format!("cannot be read: {error}")) },
        Ok(bytes) => {
            let own_name = file.path.file_name().unwrap_or_default().to_string_lossy();
            let script = reader::read(&file.name, &own_name, &bytes);
            Cached { stamp, content: script.or_else(|error| unparsable(error.to_string())) }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use tempfile::TempDir;

    use super::*;

    fn revision(id: &str, down: &str) -> String {
        format!("revision = {id:?}\ndown_revision = {down}\n")
    }

    fn write(folder: &Path, name: &str, content: &str) {
        fs::create_dir_all(folder).unwrap();
        fs::write(folder.join(name), content).unwrap();
    }

    /// Waits until the files are old enough for their stamps to be trusted.
    fn settle(scripts: &mut Scripts) -> Arc<Graph> {
        for _ in 0..200 {
            let graph = scripts.refresh().unwrap();
            if scripts.graph.is_some() {
                return graph;
            }
            thread::sleep(Duration::from_millis(10));
        }
        panic!("the files never settle");
    }

    fn open(folder: &TempDir, name: &str) -> Scripts {
        Scripts::new(Source::Folders { folders: vec![folder.path().join(name)], recursive: true })
    }

    fn heads(graph: &Graph) -> Vec<String> {
        graph.sorted_ids(graph.heads())
    }

    #[test]
    fn nothing_is_read_again_while_nothing_changes() {
        let folder = tempfile::tempdir().unwrap();
        write(&folder.path().join("versions"), "a.py", &revision("a", "None"));
        let mut scripts = open(&folder, "versions");
        let first = settle(&mut scripts);
        assert!(Arc::ptr_eq(&first, &scripts.refresh().unwrap()));
        assert!(scripts.modified().is_some());
        assert_eq!(scripts.path_of("a"), Some(folder.path().canonicalize().unwrap().join("versions/a.py").as_path()));
        assert_eq!(scripts.path_of("b"), None);
    }

    #[test]
    fn a_change_of_the_same_size_is_seen_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let versions = folder.path().join("versions");
        write(&versions, "a.py", &revision("a", "None"));
        let mut scripts = open(&folder, "versions");
        for id in ["a", "b", "c", "d"] {
            write(&versions, "a.py", &revision(id, "None"));
            assert_eq!(heads(&scripts.refresh().unwrap()), [id]);
        }
    }

    #[test]
    fn added_and_removed_files_are_seen() {
        let folder = tempfile::tempdir().unwrap();
        let versions = folder.path().join("versions");
        write(&versions, "a.py", &revision("a", "None"));
        let mut scripts = open(&folder, "versions");
        settle(&mut scripts);
        write(&versions, "b.py", &revision("b", "'a'"));
        assert_eq!(heads(&scripts.refresh().unwrap()), ["b"]);
        fs::remove_file(versions.join("b.py")).unwrap();
        assert_eq!(heads(&scripts.refresh().unwrap()), ["a"]);
    }

    /// As Kubernetes mounts a `ConfigMap`: files are links through `..data`, which is swapped.
    #[test]
    fn a_swapped_link_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        let mount = folder.path().join("versions");
        write(&mount.join("..1"), "a.py", &revision("a", "None"));
        write(&mount.join("..2"), "a.py", &revision("b", "None"));
        symlink("..1", mount.join("..data")).unwrap();
        symlink("..data/a.py", mount.join("a.py")).unwrap();
        let mut scripts = Scripts::new(Source::Folders { folders: vec![mount.clone()], recursive: false });
        assert_eq!(heads(&settle(&mut scripts)), ["a"]);
        symlink("..2", mount.join("..new")).unwrap();
        fs::rename(mount.join("..new"), mount.join("..data")).unwrap();
        assert_eq!(heads(&settle(&mut scripts)), ["b"]);
    }

    #[test]
    fn what_cannot_be_read_is_named_with_the_reason() {
        let folder = tempfile::tempdir().unwrap();
        let versions = folder.path().join("versions");
        write(&versions, "a.py", &revision("a", "None"));
        write(&versions, "b.py", "revision = f()\ndown_revision = 'a'\n");
        symlink("gone.py", versions.join("c.py")).unwrap();
        let graph = open(&folder, "versions").refresh().unwrap();
        let unparsable: Vec<_> =
            graph.unparsable().iter().map(|file| (file.file.as_str(), file.reason.as_str())).collect();
        assert_eq!(
            unparsable,
            [
                ("b.py", "declares a `revision` that is the result of a call (line 1)"),
                ("c.py", "is not there, or is not a regular file")
            ]
        );
    }

    #[test]
    fn a_manifest_is_read_again_when_it_changes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("manifest.json");
        let script = |id: &str| reader::read("x.py", "x.py", revision(id, "None").as_bytes()).unwrap();
        let manifest = |id: &str| manifest::write(&Graph::new(vec![script(id)], vec![])).unwrap();
        fs::write(&path, manifest("a")).unwrap();
        let mut scripts = Scripts::new(Source::Manifest(path.clone()));
        let first = settle(&mut scripts);
        assert!(Arc::ptr_eq(&first, &scripts.refresh().unwrap()));
        fs::write(&path, manifest("b")).unwrap();
        assert_eq!(heads(&scripts.refresh().unwrap()), ["b"]);
        fs::write(&path, "{}").unwrap();
        assert!(scripts.refresh().unwrap_err().to_string().contains("manifest.json is not a manifest of revisions"));
    }
}
