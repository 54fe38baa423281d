//! Metrics as data: definitions, samples, and how they are written down.
//!
//! Pure: no I/O, no clock, no driver. A collector fills `Samples`; each `Family` of it becomes a block of encoded
//! lines; a scrape concatenates blocks under the header of their definition.

mod bound;
mod definition;
pub mod encode;
mod histogram;
mod sample;

pub use bound::{Bounded, largest};
pub use definition::{Definition, Kind, metrics};
pub use histogram::Histogram;
pub use sample::{Family, LabelValues, Sample, Samples, Value, labels};
