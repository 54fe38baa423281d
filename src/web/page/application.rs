//! What the code of an application expects, as the page shows it.

use super::model::What;
use super::words::{Standing, ago, number};
use crate::collectors::alembic::{self, Applications};

/// One application and the source of its revisions.
pub(super) struct Application {
    pub(super) name: String,
    /// `None` before the first look.
    found: Option<Found>,
    /// Why no version table can be judged by it, or why it may be out of date.
    pub(super) reason: Option<String>,
    now: f64,
}

struct Found {
    read: Option<f64>,
    revisions: Option<usize>,
    heads: Option<usize>,
}

impl Application {
    /// Every application, by name.
    pub(super) fn all(applications: &Applications, now: f64) -> Vec<Self> {
        applications.all().iter().map(|application| Self::new(application, now)).collect()
    }

    fn new(application: &alembic::Application, now: f64) -> Self {
        let expectation = application.expectation();
        let reason = expectation.as_ref().and_then(|expectation| expectation.error());
        let found = expectation.map(|expectation| Found {
            read: expectation.read,
            revisions: expectation.graph.as_ref().map(|graph| graph.len()),
            heads: expectation.graph.as_ref().map(|graph| graph.effective_heads().len()),
        });
        Self { name: application.name().to_owned(), found, reason, now }
    }

    pub(super) fn standing(&self) -> Standing {
        match (&self.found, &self.reason) {
            (None, _) => Standing::new(Standing::WAITING, "first look"),
            (Some(_), None) => Standing::new(Standing::GOOD, "read"),
            (Some(found), Some(_)) if found.revisions.is_none() => Standing::new(Standing::BAD, "never read"),
            (Some(_), Some(_)) => Standing::new(Standing::BAD, "unclear"),
        }
    }

    pub(super) fn problem(&self) -> Option<(What<'_>, String)> {
        Some((What::Unclear { reason: self.reason.as_ref()? }, self.name.clone()))
    }

    pub(super) fn ago(&self) -> String {
        let read = self.found.as_ref().and_then(|found| found.read);
        ago(read.map(|at| self.now - at))
    }

    pub(super) fn revisions(&self) -> String {
        self.count(|found| found.revisions)
    }

    pub(super) fn heads(&self) -> String {
        self.count(|found| found.heads)
    }

    fn count(&self, of: impl Fn(&Found) -> Option<usize>) -> String {
        self.found.as_ref().and_then(of).map_or_else(String::new, number)
    }

    #[cfg(test)]
    pub(super) fn example(name: &str, now: f64) -> Self {
        let found = Found { read: Some(now - 3.0), revisions: Some(344), heads: Some(1) };
        Self { name: name.to_owned(), found: Some(found), reason: None, now }
    }
}
