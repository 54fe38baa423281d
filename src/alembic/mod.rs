//! What the code expects of a database: Alembic's revision files, read without running Python.
//!
//! Bytes become a [`Script`] per file (`reader`), scripts become a [`graph`](mod@graph), and a graph judges the rows of
//! a version table. Nothing here knows a database or an event loop: files in, plain data out.

pub mod reader;
pub mod source;
