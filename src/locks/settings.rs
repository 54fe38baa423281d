//! What the configuration says about judging.

use globset::GlobSet;

/// What decides a judgement beside the evidence.
#[derive(Clone, Debug)]
pub struct Settings {
    /// From how many seconds on a wait is a stuck one.
    pub stuck_after: f64,
    /// `application_name`s of sessions that migrate.
    pub applications: GlobSet,
    /// Roles of sessions that migrate.
    pub users: GlobSet,
}
