//! Where the expected revisions come from.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::alembic::configuration::DEFAULT_SECTION;
use crate::alembic::graph::Graph;
use crate::alembic::scripts::{Scripts, Source};

/// Options of every command that reads revision files.
#[derive(Debug, clap::Args)]
pub(super) struct Expected {
    /// Folder with env.py and versions/, or a folder of revision files; several are read as one graph.
    /// Without --scripts, --ini and --manifest: the file that ALEMBIC_CONFIG names, alembic.ini or pyproject.toml here
    #[arg(long, value_name = "DIR", conflicts_with_all = ["ini", "manifest"])]
    scripts: Vec<PathBuf>,

    /// Descend into the folders below
    #[arg(long, requires = "scripts")]
    recursive: bool,

    /// Alembic's configuration: an ini file, or a pyproject.toml
    #[arg(long, value_name = "FILE", conflicts_with = "manifest")]
    ini: Option<PathBuf>,

    /// Section of the ini file
    #[arg(short = 'n', long = "name", value_name = "SECTION", default_value = DEFAULT_SECTION)]
    section: String,

    /// What `pgwarden alembic manifest` has written
    #[arg(long, value_name = "FILE")]
    manifest: Option<PathBuf>,
}

impl Expected {
    /// Reads the revisions.
    pub(super) fn load(&self) -> anyhow::Result<Arc<Graph>> {
        Ok(Scripts::new(self.source()?).refresh()?)
    }

    fn source(&self) -> anyhow::Result<Source> {
        let configuration = |path: PathBuf| Source::Configuration { path, section: self.section.clone() };
        if !self.scripts.is_empty() {
            return Ok(Source::Folders { folders: self.scripts.clone(), recursive: self.recursive });
        }
        if let Some(path) = &self.manifest {
            return Ok(Source::Manifest(path.clone()));
        }
        let named = self.ini.clone().or_else(|| std::env::var_os("ALEMBIC_CONFIG").map(PathBuf::from));
        let here = ["alembic.ini", "pyproject.toml"].map(PathBuf::from).into_iter().find(|path| Path::exists(path));
        named.or(here).map(configuration).ok_or_else(|| {
            anyhow::anyhow!("there is no alembic.ini or pyproject.toml here; name the revision files with --scripts, --ini or --manifest")
        })
    }
}
