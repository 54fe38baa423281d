//! Where the expected revisions come from.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::alembic::configuration::DEFAULT_SECTION;
use crate::alembic::graph::Graph;
use crate::alembic::scripts::{Scripts, Source};
use crate::cli::source;
use crate::config::{Alembic, Application};

/// Options of every command that reads revision files.
#[derive(Debug, clap::Args)]
pub(super) struct Files {
    /// Folder with env.py and versions/, or a folder of revision files; several are read as one graph.
    /// Without --scripts, --ini and --manifest: the applications of the configuration, else the file that ALEMBIC_CONFIG
    /// names, alembic.ini or pyproject.toml here
    #[arg(long, value_name = "DIR", conflicts_with_all = ["ini", "manifest", "application"])]
    scripts: Vec<PathBuf>,

    /// Descend into the folders below
    #[arg(long, requires = "scripts")]
    recursive: bool,

    /// Alembic's configuration: an ini file, or a pyproject.toml
    #[arg(long, value_name = "FILE", conflicts_with_all = ["manifest", "application"])]
    ini: Option<PathBuf>,

    /// Section of the ini file
    #[arg(short = 'n', long = "name", value_name = "SECTION", default_value = DEFAULT_SECTION)]
    section: String,

    /// What `pgwarden alembic manifest` has written
    #[arg(long, value_name = "FILE", conflicts_with = "application")]
    manifest: Option<PathBuf>,
}

impl Files {
    /// The files that the options name.
    pub(super) fn named(&self) -> Option<Source> {
        if !self.scripts.is_empty() {
            return Some(Source::Folders { folders: self.scripts.clone(), recursive: self.recursive });
        }
        let manifest = self.manifest.clone().map(Source::Manifest);
        manifest.or_else(|| self.ini.clone().map(|path| self.configuration(path)))
    }

    /// The files that Alembic itself would take.
    pub(super) fn of_alembic(&self) -> anyhow::Result<Source> {
        let named = std::env::var_os("ALEMBIC_CONFIG").map(PathBuf::from);
        let here = ["alembic.ini", "pyproject.toml"].map(PathBuf::from).into_iter().find(|path| Path::exists(path));
        named.or(here).map(|path| self.configuration(path)).ok_or_else(|| {
            anyhow::anyhow!(
                "there is no alembic.ini or pyproject.toml here; name the revision files with --scripts, --ini or \
                 --manifest, or give a configuration with [[alembic.applications]]"
            )
        })
    }

    fn configuration(&self, path: PathBuf) -> Source {
        Source::Configuration { path, section: self.section.clone() }
    }
}

/// Options of every command about the revisions of one application.
#[derive(Debug, clap::Args)]
pub(super) struct Code {
    #[command(flatten)]
    files: Files,

    /// Configuration file with the application
    #[arg(long, value_name = "FILE", env = "PGWARDEN_CONFIG")]
    config: Option<PathBuf>,

    /// An application of the configuration; its only one by default
    #[arg(long, value_name = "NAME", requires = "config")]
    application: Option<String>,
}

/// What the code has.
#[derive(Debug)]
pub(super) struct Expected {
    pub(super) scripts: Scripts,
    pub(super) graph: Arc<Graph>,
    /// How many effective heads it is meant to have, where that is configured.
    pub(super) heads: Option<usize>,
}

impl Code {
    /// Reads the revisions.
    pub(super) fn load(&self) -> anyhow::Result<Expected> {
        let (source, heads) = match (self.files.named(), self.configured()?) {
            (Some(source), _) => (source, None),
            (None, Some(application)) => (application.source, Some(application.heads)),
            (None, None) => (self.files.of_alembic()?, None),
        };
        let mut scripts = Scripts::new(source);
        let graph = scripts.refresh()?;
        Ok(Expected { scripts, graph, heads })
    }

    fn configured(&self) -> anyhow::Result<Option<Application>> {
        if self.config.is_none() || self.files.named().is_some() {
            return Ok(None);
        }
        let file = source::Source { config: self.config.clone(), database: None, target: None };
        let alembic = file.load()?.alembic;
        match (&self.application, alembic.applications.as_slice()) {
            (Some(name), _) => named(&alembic, name).cloned().map(Some),
            (None, []) => Ok(None),
            (None, [only]) => Ok(Some(only.clone())),
            (None, _) => anyhow::bail!(
                "the configuration has several applications, choose one with --application: {}",
                names(&alembic)
            ),
        }
    }
}

/// Reads the revisions of a source.
pub(super) fn load(source: Source) -> anyhow::Result<Arc<Graph>> {
    Ok(Scripts::new(source).refresh()?)
}

/// The application of a name.
pub(super) fn named<'a>(alembic: &'a Alembic, name: &str) -> anyhow::Result<&'a Application> {
    let found = alembic.applications.iter().find(|application| application.name == name);
    found.ok_or_else(|| anyhow::anyhow!("no application is named {name:?}; known are: {}", names(alembic)))
}

fn names(alembic: &Alembic) -> String {
    let names: Vec<_> = alembic.applications.iter().map(|application| application.name.as_str()).collect();
    names.join(", ")
}
