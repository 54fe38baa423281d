//! What is wrong with a configuration, and where.

use std::ops::Range;
use std::path::PathBuf;

use toml::Spanned;

use super::ConninfoError;

/// Why there is no configuration. Each message is complete, its cause included, and none repeats a secret.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration file {}: {cause}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why not.
        cause: std::io::Error,
    },
    /// Something in the file is not as it should be.
    #[error("{file}:{line}:{column}: {message}")]
    Invalid {
        /// The file.
        file: String,
        /// Line, from 1.
        line: usize,
        /// Column in characters, from 1.
        column: usize,
        /// What is wrong and what was expected.
        message: String,
    },
    /// A connection that does not come from the file is not as it should be.
    #[error("{origin}: {cause}")]
    Connection {
        /// Where the connection was described.
        origin: &'static str,
        /// What is wrong with it.
        cause: ConninfoError,
    },
}

impl ConfigError {
    pub(super) fn connection(origin: &'static str, cause: ConninfoError) -> Self {
        Self::Connection { origin, cause }
    }
}

/// What is wrong with a part of the file, given by its bytes.
#[derive(Debug)]
pub(super) struct Fault {
    span: Range<usize>,
    message: String,
}

impl Fault {
    pub(super) fn new(span: Range<usize>, message: impl Into<String>) -> Self {
        Self { span, message: message.into() }
    }

    /// A fault of one value.
    pub(super) fn of<T>(value: &Spanned<T>, message: impl Into<String>) -> Self {
        Self::new(value.span(), message)
    }

    /// Turns the place in bytes into line and column.
    pub(super) fn locate(self, text: &str, file_name: &str) -> ConfigError {
        let before = text.get(..self.span.start).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |line_break| line_break + 1);
        ConfigError::Invalid {
            file: file_name.to_owned(),
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            message: self.message,
        }
    }
}
