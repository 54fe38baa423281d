//! What the code expects of a database: Alembic's revision files, read without running Python.
//!
//! A `configuration` leads to folders, `files` lists what Alembic would load from them, `reader` turns the bytes of each
//! into a [`Script`](reader::Script), scripts become a graph, and a graph judges the rows of a version table. Nothing here
//! knows a database or an event loop: files in, plain data out.

pub mod configuration;
pub mod files;
pub mod graph;
pub mod judge;
pub mod manifest;
pub mod reader;
pub mod source;
