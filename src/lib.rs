//! A PostgreSQL exporter that knows about migrations.
//!
//! The rooms, and the one way that data runs through them, are described in `docs/ARCHITECTURE.md`:
//! config -> targets -> session -> collector -> rows -> samples -> published snapshot -> encoder -> HTTP.
#![forbid(unsafe_code)]

pub mod alembic;
pub mod cli;
pub mod collectors;
pub mod config;
pub mod locks;
pub mod metric;
pub mod postgres;
pub mod runner;
pub mod state;
pub mod web;
