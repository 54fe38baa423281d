//! What an expression asks for, compared with the metrics and labels that there are.
//!
//! An expression on a metric or a label that does not exist is no error to Prometheus: it finds nothing, for ever. So
//! whatever we ship with expressions in it is examined here, parsed as Prometheus parses it.

mod examination;
mod reference;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

pub use reference::{Kind, Reference};

/// The labels that a series may have.
pub type Labels = BTreeSet<String>;

/// What is known of an expression after a look at it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Examined {
    /// The labels that its series may have.
    pub labels: Labels,
    /// What is wrong with it.
    pub problems: Vec<String>,
}
