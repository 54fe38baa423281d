//! The Python of a migration file as typed operations, read from its syntax tree; no Python is run.
//!
//! [`interpreter`] holds the state of the walk, [`statements`] follows `upgrade()` and [`functions`] what it calls,
//! [`expressions`] give each expression a [`value`] as far as the file tells it, and the [`calls`] that reach the
//! database become operations in [`directives`] (`op.*`, by their [`signatures`]) and [`database`] (connections).

mod calls;
mod columns;
mod database;
mod directives;
mod expressions;
mod functions;
mod interpreter;
mod signatures;
mod statements;
mod strings;
#[cfg(test)]
mod tests;
mod types;
mod value;

pub(super) use interpreter::Interpreter;
