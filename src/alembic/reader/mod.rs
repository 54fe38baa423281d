//! One revision file: what it declares, read from its syntax tree and never by running it.
//!
//! A declaration is known only when literals, or names that this file binds to literals, went into it. Anything else
//! makes the file [`Unparsable`], which is counted and named.

mod module;

use ruff_python_ast::{Expr, ModModule, Stmt};
use ruff_python_parser::Parsed;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use self::module::{Module, Value};
use super::source::{self, SourceError};

/// The names that a revision file declares.
const NAMES: [&str; 4] = ["revision", "down_revision", "depends_on", "branch_labels"];

/// What one revision file declares.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Script {
    /// Its identifier.
    pub revision: String,
    /// The revisions that it follows, each exactly as another file declares it; none for a base.
    pub down_revisions: Vec<String>,
    /// Identifiers or branch labels of revisions that must be applied before it.
    pub depends_on: Vec<String>,
    /// Names given to the branch that starts here.
    pub branch_labels: Vec<String>,
    /// The file declares labels that cannot be told without running it.
    pub unknown_labels: bool,
    /// The file, relative to the folder of versions that it is in.
    pub file: String,
    /// First paragraph of its documentation, as `alembic history` shows it; empty when there is none.
    pub message: String,
}

/// A revision file whose declarations cannot be told without running it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unparsable {
    /// The file, relative to the folder of versions that it is in.
    pub file: String,
    /// Why; completes a sentence that starts with the file's name.
    pub reason: String,
}

/// Why the declarations of a file are not known.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ReadError {
    /// The file is not Python that could be loaded.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// A name that must be there is not.
    #[error("does not declare `{0}`")]
    Undeclared(&'static str),
    /// A name is bound to what only running the file can tell.
    #[error("declares a `{name}` that {reason} (line {line})")]
    Dynamic {
        /// The declared name.
        name: &'static str,
        /// What it is instead of a literal.
        reason: String,
        /// Where, from 1.
        line: usize,
    },
    /// A literal that Alembic does not take for this name.
    #[error("declares a `{name}` that is {found}, not {expected}")]
    WrongType {
        /// The declared name.
        name: &'static str,
        /// What it is.
        found: &'static str,
        /// What Alembic takes.
        expected: &'static str,
    },
}

/// Reads one revision file. `file` is the name it is shown under; `file_name` is its own name, for the files of
/// Alembic 0.1, which carry their revision there.
pub fn read(file: &str, file_name: &str, bytes: &[u8]) -> Result<Script, ReadError> {
    let text = source::decode(bytes)?;
    source::with_stack(|| {
        let parsed = source::parse(&text)?;
        let declarations = Declarations { module: Module::execute(parsed.suite(), &text), text: &text };
        let revision = match declarations.revision()? {
            Some(revision) => revision,
            None => legacy_revision(file_name).ok_or(ReadError::Undeclared("revision"))?,
        };
        let labels = declarations.module.get("branch_labels").map(labels);
        Ok(Script {
            revision,
            down_revisions: declarations.identifiers("down_revision")?.ok_or(ReadError::Undeclared("down_revision"))?,
            depends_on: declarations.identifiers("depends_on")?.unwrap_or_default(),
            unknown_labels: labels == Some(None),
            branch_labels: labels.flatten().unwrap_or_default(),
            file: file.to_owned(),
            message: message(&parsed),
        })
    })
}

struct Declarations<'a> {
    module: Module,
    text: &'a str,
}

impl Declarations<'_> {
    fn revision(&self) -> Result<Option<String>, ReadError> {
        match self.module.get("revision") {
            None => Ok(None),
            Some(Value::Text(text)) => Ok(Some(text)),
            Some(other) => Err(self.refuse("revision", &other, "a string")),
        }
    }

    /// A reference to other revisions: None, a string, or any sequence of strings; repeated names count once.
    fn identifiers(&self, name: &'static str) -> Result<Option<Vec<String>>, ReadError> {
        const EXPECTED: &str = "a string, a sequence of strings or None";
        let items = match self.module.get(name) {
            None => return Ok(None),
            // A sequence of one stands for what it holds, another sequence or None included.
            Some(Value::Items { mut items, .. }) if items.len() == 1 => match items.swap_remove(0) {
                Value::None => vec![],
                Value::Items { items, .. } => items,
                item => vec![item],
            },
            Some(Value::Items { items, .. }) => items,
            Some(Value::None) => vec![],
            Some(item) => vec![item],
        };
        let mut identifiers = Vec::with_capacity(items.len());
        for item in items {
            match item {
                Value::Text(text) if identifiers.contains(&text) => {}
                Value::Text(text) => identifiers.push(text),
                other => return Err(self.refuse(name, &other, EXPECTED)),
            }
        }
        Ok(Some(identifiers))
    }

    fn refuse(&self, name: &'static str, value: &Value, expected: &'static str) -> ReadError {
        let found = match value {
            Value::Unknown(unknown) => {
                return ReadError::Dynamic {
                    name,
                    reason: unknown.reason.clone(),
                    line: source::line_of(self.text, unknown.at.to_usize()),
                };
            }
            Value::None => "None",
            Value::Text(_) => "a string",
            Value::Bool(_) => "a bool",
            Value::Items { .. } => "a sequence",
            Value::Other(kind) => kind,
            Value::Typing => "a module",
        };
        ReadError::WrongType { name, found, expected }
    }
}

/// The labels that a value stands for; `None` when one of them cannot be told.
fn labels(value: Value) -> Option<Vec<String>> {
    match value {
        Value::None => Some(vec![]),
        Value::Text(text) => Some(vec![text]),
        Value::Items { items, .. } => items
            .into_iter()
            .map(|item| match item {
                Value::Text(text) => Some(text),
                _ => None,
            })
            .collect(),
        _ => None,
    }
}

/// `([a-f0-9]+)\.py`
fn legacy_revision(file_name: &str) -> Option<String> {
    let stem = file_name.strip_suffix(".py")?;
    let hexadecimal = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'a'..=b'f');
    (!stem.is_empty() && stem.bytes().all(hexadecimal)).then(|| stem.to_owned())
}

/// First paragraph of a module's documentation.
fn message(parsed: &Parsed<ModModule>) -> String {
    match parsed.suite().first() {
        Some(Stmt::Expr(statement)) => match &*statement.value {
            Expr::StringLiteral(text) => {
                let text = text.value.to_str().trim();
                text.split("\n\n").next().unwrap_or(text).to_owned()
            }
            _ => String::new(),
        },
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests;
