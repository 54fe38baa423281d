//! What goes wrong: each fault happens in a database of its own, raises its alerts, and is repaired.

pub mod exporters;
pub mod migrations;
pub mod revisions;
pub mod servers;
pub mod sessions;
pub mod tables;
