//! What every version table comes to, each distinct set of rows judged once.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::Arc;

use super::subject::{Claimant, Rows, Subject};
use crate::alembic::judge::{self, Judgement, State};
use crate::alembic::operations::Judged;

/// The name of the state of a table that cannot be judged.
const UNCLEAR: &str = "unclear";

/// A version table that has been judged.
#[derive(Debug)]
pub(super) struct Case {
    pub(super) subject: Subject,
    /// `None` where no application claims it.
    pub(super) verdict: Option<Arc<Verdict>>,
    /// What is unsafe about the revisions that wait; only for tables with series of their own.
    pub(super) findings: Judged,
}

/// What rows come to when they are compared with what an application expects; nothing where it is unclear, because the
/// rows or the revisions are not known, or because the revisions contradict each other.
#[derive(Debug)]
pub(super) struct Verdict(pub(super) Option<Judgement>);

/// Every state of a table, by name.
pub(super) fn states() -> impl Iterator<Item = &'static str> {
    State::ALL.iter().map(|state| state.name()).chain([UNCLEAR])
}

impl Verdict {
    /// The state, by name.
    pub(super) fn state(&self) -> &'static str {
        self.0.as_ref().map_or(UNCLEAR, |judgement| judgement.state.name())
    }

    fn pending(&self) -> Option<&Vec<String>> {
        self.0.as_ref()?.pending.as_ref()
    }

    /// Where it stands among all: what nobody can tell comes first, then what is farthest behind.
    fn rank(&self) -> (u8, Reverse<usize>) {
        let order = match self.0.as_ref().map(|judgement| judgement.state) {
            None => 0,
            Some(State::Unknown) => 1,
            Some(State::Diverged) => 2,
            Some(State::Missing) => 3,
            Some(State::Empty) => 4,
            Some(State::Behind) => 5,
            Some(State::UpToDate) => UP_TO_DATE,
        };
        (order, Reverse(self.pending().map_or(0, Vec::len)))
    }
}

/// The place of a table that is as it should be: last.
const UP_TO_DATE: u8 = 7;
/// The place of a table that nobody claims: before those that are as they should be.
const UNCLAIMED: u8 = 6;

impl Case {
    fn rank(&self) -> (u8, Reverse<usize>) {
        self.verdict.as_ref().map_or((UNCLAIMED, Reverse(0)), |verdict| verdict.rank())
    }

    /// What is unsafe about the revisions that wait for it.
    fn find(&self, claimants: &[Claimant], postgres: u32) -> Judged {
        let expectation = claimants[self.subject.claimant?].expectation.as_ref()?;
        expectation.operations.findings(self.verdict.as_ref()?.pending()?, postgres)
    }

    /// The name of the application that claims it.
    pub(super) fn application<'c>(&self, claimants: &'c [Claimant]) -> Option<&'c str> {
        Some(&claimants[self.subject.claimant?].application.name)
    }
}

/// Judges every table; the worst come first. Those up to `max_tables` get what is unsafe about what waits for them.
///
/// Takes as long as graphs are large: not for a thread that serves others.
pub(super) fn judge(subjects: Vec<Subject>, claimants: &[Claimant], max_tables: usize, postgres: u32) -> Vec<Case> {
    let mut known: HashMap<(usize, Option<Vec<String>>), Arc<Verdict>> = HashMap::new();
    let mut cases: Vec<Case> = subjects
        .into_iter()
        .map(|subject| {
            let verdict = subject.claimant.map(|index| {
                let rows = match &subject.rows {
                    Rows::Known(revisions, _) => Some(revisions.clone()),
                    Rows::Missing => None,
                    Rows::Unknown => return Arc::new(Verdict(None)),
                };
                let verdict = |(index, rows): &(usize, Option<Vec<String>>)| {
                    Arc::new(compare(&claimants[*index], rows.as_deref()))
                };
                Arc::clone(known.entry((index, rows)).or_insert_with_key(verdict))
            });
            Case { subject, verdict, findings: None }
        })
        .collect();
    drop(known);
    cases.sort_by_key(Case::rank);
    for case in cases.iter_mut().take(max_tables) {
        case.findings = case.find(claimants, postgres);
    }
    cases
}

fn compare(claimant: &Claimant, rows: Option<&[String]>) -> Verdict {
    let graph = claimant.expectation.as_ref().and_then(|expectation| expectation.graph.as_ref());
    let judgement = graph.and_then(|graph| judge::judge(graph, rows).ok());
    Verdict(judgement)
}
