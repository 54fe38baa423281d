//! What the code expects, kept up to date: revision files or a manifest, read again only where something changed.

mod reading;
mod source;
mod stamp;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::fs::Metadata;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

pub(super) use self::reading::in_parallel;
use self::reading::{Cached, read_all};
use super::configuration;
use super::files::{self, Locations, RevisionFile};
use super::graph::Graph;
use super::manifest::{self, Content};
use super::operations::Told;

pub use self::source::{ScriptsError, Source};
pub(super) use self::stamp::Stamp;

/// The graph of one source, with what is needed to notice that it changed.
#[derive(Debug)]
pub struct Scripts {
    source: Source,
    /// The files that the graph was made from, in order.
    files: Vec<(RevisionFile, Option<Stamp>)>,
    read: HashMap<PathBuf, Cached>,
    graph: Option<Arc<Graph>>,
    /// What a manifest tells of its revisions beside the graph.
    told: Option<BTreeMap<String, Told>>,
}

impl Scripts {
    /// Nothing is read before the first [`refresh`](Scripts::refresh).
    pub fn new(source: Source) -> Self {
        Scripts { source, files: vec![], read: HashMap::new(), graph: None, told: None }
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

    /// The revisions with their files, for those who want to read more of them; none when they came from a manifest.
    /// Where several files declare a revision, the last one counts. A file without a stamp changed too recently to tell
    /// whether it will change again.
    pub(super) fn revision_files(&self) -> impl Iterator<Item = (&str, &Path, Option<Stamp>)> {
        self.files.iter().filter_map(|(file, _)| {
            let Cached { stamp, content } = self.read.get(&file.path)?;
            Some((content.as_ref().ok()?.revision.as_str(), file.path.as_path(), *stamp))
        })
    }

    /// What the manifest tells of its revisions; `None` where they come from files.
    pub(super) fn told(&self) -> Option<&BTreeMap<String, Told>> {
        self.told.as_ref()
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
        let Content { graph, operations } =
            manifest::read(&json).map_err(|error| ScriptsError::Manifest { path: path.clone(), error })?;
        let graph = Arc::new(graph);
        self.told = Some(operations);
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
