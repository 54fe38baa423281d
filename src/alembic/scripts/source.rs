//! Where the expected revisions come from, and why there may be none.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::alembic::configuration::ConfigurationError;
use crate::alembic::files::ListError;
use crate::alembic::manifest::ManifestError;

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
