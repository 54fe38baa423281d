//! Is a migration stuck, and who is in its way? Evidence and judgement on plain data.
//!
//! [`Evidence`] is what one round saw of a server; [`WaitGraph`] is who waits for whom in it; [`judge`] says which sessions
//! are migrations, which of them are stuck, how, and by whose fault. [`History`] remembers what one round alone cannot show.
//!
//! **Architecture invariant:** no input or output here, no clock, no driver.

mod candidate;
mod diagnosis;
mod evidence;
mod graph;
mod history;
mod judge;
mod mode;
mod party;
mod reach;
mod scene;
mod settings;
mod span;
mod statement;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub use candidate::Sign;
pub use diagnosis::Kind;
pub use evidence::{
    Backend, Catalog, Count, Evidence, Holder, Lock, LockKind, LockTag, Oid, Prepared, Progress, ProgressView,
    Relation, Session, State, Timestamp, Visibility,
};
pub use graph::WaitGraph;
pub use history::History;
pub use judge::{Judgement, Migration, TableLock, Waiter, judge};
pub use mode::LockMode;
pub use party::{Culprit, CulpritKind, Party};
pub use settings::Settings;
pub use span::Span;
