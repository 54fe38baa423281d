//! What is wrong with a configuration, and where.

use std::io;
use std::ops::Range;
use std::path::PathBuf;

use super::ConninfoError;

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("read configuration {path}: {source}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file says something that has no meaning.
    #[error("{file}:{line}:{column}: {message}")]
    Invalid {
        /// The file, as the user named it.
        file: String,
        /// Line, from 1.
        line: usize,
        /// Column in characters, from 1.
        column: usize,
        /// What is wrong and what was expected.
        message: String,
    },
    /// A connection outside of a file cannot be understood.
    #[error("{origin}: {source}")]
    Connection {
        /// Where it was given.
        origin: &'static str,
        /// Why.
        source: ConninfoError,
    },
}

impl ConfigError {
    pub(super) fn at(text: &str, file: &str, span: Option<Range<usize>>, message: &str) -> Self {
        let before = text.get(..span.map_or(0, |span| span.start)).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |position| position + 1);
        Self::Invalid {
            file: file.to_owned(),
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            message: message.trim().replace('\n', "; "),
        }
    }

    pub(super) fn connection(origin: &'static str, source: ConninfoError) -> Self {
        Self::Connection { origin, source }
    }
}
