//! What the code expects of a database: Alembic's revision files, read without running Python.
//!
//! A [`configuration`] leads to folders, [`files`] lists what Alembic would load from them, [`reader`] turns the bytes of
//! each into a [`Script`](reader::Script), scripts become a [`Graph`](graph::Graph), and [`judge`](mod@judge) compares a
//! version table with it. [`Scripts`](scripts::Scripts) does the first four steps and keeps the result fresh;
//! a [`manifest`] replaces them where there is no source. [`lint`] judges what each revision does, and [`operations`] what
//! those do that wait. Nothing here knows a
//! database or an event loop: files in, plain data out.

pub mod configuration;
pub mod files;
pub mod graph;
pub mod judge;
pub mod lint;
pub mod manifest;
pub mod operations;
pub mod reader;
pub mod scripts;
pub mod source;
