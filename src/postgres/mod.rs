//! Sessions with PostgreSQL: the only room that names `tokio_postgres`.
//!
//! Architecture invariant: nothing that runs here can wait behind a migration, or outlive its time-out. Every query is
//! a read-only transaction of its own whose limits are set with `SET LOCAL`, so that they hold behind a pooler in
//! transaction mode and never leak into somebody else's session.

mod budget;
mod connect;
mod error;
mod row;
mod session;
mod sql;
mod tls;
mod version;

pub use budget::Budget;
pub use error::{Error, ErrorKind};
pub use row::Row;
pub use session::{Parameter, Session};
pub use sql::{Sql, quote};
pub use version::Version;
