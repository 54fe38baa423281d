//! The Python of a migration file as typed operations, read from its syntax tree; no Python is run.
//!
//! [`interpreter`] follows the statements of `upgrade()`, [`expressions`] gives each expression a [`value`] as far as the file
//! tells it, and the calls that reach the database become operations in [`directives`] (`op.*`) and [`database`] (connections).

mod columns;
mod database;
mod directives;
mod expressions;
mod interpreter;
mod strings;
mod types;
mod value;

pub(super) use interpreter::Interpreter;
