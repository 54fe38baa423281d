//! The background: targets, schedule, back-off, and what is published.

mod published;

pub use published::{Connections, Overview, Piece, Published, Reachability, Rounds, Source};
