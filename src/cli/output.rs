//! How a judging command speaks: to a person, or to a program.

use clap::ValueEnum;

/// The form of a command's output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Aligned text for reading, coloured on a terminal only.
    #[default]
    Human,
    /// One JSON object on standard output and nothing else, documented in `docs/CLI.md`.
    Json,
}
