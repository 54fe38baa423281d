//! One version table against the graph: is the database at the revision that the code expects?

use serde::{Serialize, Serializer};
use thiserror::Error;

use super::graph::{Graph, Position};

/// How a version table stands to the graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum State {
    /// The rows are the effective heads.
    UpToDate,
    /// Something is pending.
    Behind,
    /// A row names a revision that the code does not have: the database is ahead, or history was rewritten.
    Unknown,
    /// Every row is known and nothing is pending, but the rows are not the effective heads: one of them is superfluous.
    Diverged,
    /// The table is there without a row; everything is pending.
    Empty,
    /// There is no table; everything is pending.
    Missing,
}

impl State {
    /// Every state.
    pub const ALL: [State; 6] =
        [State::UpToDate, State::Behind, State::Unknown, State::Diverged, State::Empty, State::Missing];

    /// Its name in JSON and in labels.
    pub fn name(self) -> &'static str {
        match self {
            State::UpToDate => "up_to_date",
            State::Behind => "behind",
            State::Unknown => "unknown",
            State::Diverged => "diverged",
            State::Empty => "empty",
            State::Missing => "missing",
        }
    }
}

impl Serialize for State {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// What a version table says when it is compared with the graph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// The verdict.
    pub state: State,
    /// The rows as they are in the table, sorted, each once.
    pub current: Vec<String>,
    /// The effective heads, sorted.
    pub expected: Vec<String>,
    /// What an upgrade to the effective heads would run, in that order; `None` when a row is unknown, because then
    /// nobody can tell.
    pub pending: Option<Vec<String>>,
    /// The rows that no revision of the graph has, sorted.
    pub unknown: Vec<String>,
    /// The rows that another row already implies, sorted. Every upgrade fails while they are there.
    pub overlapping: Vec<String>,
}

impl Judgement {
    /// How many effective heads are still to be applied; `None` when nobody can tell. Between none and all of them, a
    /// branch is partially applied.
    pub fn unapplied_heads(&self) -> Option<usize> {
        let pending = self.pending.as_ref()?;
        Some(self.expected.iter().filter(|head| pending.contains(head)).count())
    }
}

/// Why no verdict is possible.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Undecidable {
    /// Nothing to compare with.
    #[error("there is no revision file to compare with")]
    NoRevisions,
    /// Alembic itself would fail on this graph.
    #[error("the graph of revisions is broken: {first}{}", others(*.count))]
    Broken {
        /// The first finding.
        first: String,
        /// How many there are.
        count: usize,
    },
    /// A file that may be the newest revision could not be read.
    #[error("{count} revision files cannot be read without running them; the first: {first}")]
    Unparsable {
        /// The first file, with the reason.
        first: String,
        /// How many there are.
        count: usize,
    },
}

fn others(count: usize) -> String {
    if count > 1 { format!(" (and {} more)", count - 1) } else { String::new() }
}

/// Compares the rows of a version table with the graph; `None` when there is no such table.
pub fn judge(graph: &Graph, rows: Option<&[String]>) -> Result<Judgement, Undecidable> {
    decidable(graph)?;
    let mut current = rows.unwrap_or_default().to_vec();
    current.sort_unstable();
    current.dedup();
    let heads = graph.effective_heads();
    let expected = graph.sorted_ids(heads.iter().copied());
    let resolved: Vec<(&String, Option<Position>)> = current.iter().map(|row| (row, graph.resolve(row))).collect();
    let unknown: Vec<String> =
        resolved.iter().filter(|(_, position)| position.is_none()).map(|(row, _)| (*row).clone()).collect();
    let known: Vec<(&String, Position)> =
        resolved.iter().filter_map(|&(row, position)| Some((row, position?))).collect();
    let applied: Vec<Position> = known.iter().map(|&(_, position)| position).collect();
    let overlapping = overlapping(graph, &known);
    let pending: Option<Vec<String>> = unknown
        .is_empty()
        .then(|| graph.pending(&applied).into_iter().map(|position| graph.id(position).to_owned()).collect());
    let state = match &pending {
        None => State::Unknown,
        Some(_) if rows.is_none() => State::Missing,
        Some(_) if current.is_empty() => State::Empty,
        Some(pending) if !pending.is_empty() => State::Behind,
        Some(_) if overlapping.is_empty() => State::UpToDate,
        Some(_) => State::Diverged,
    };
    Ok(Judgement { state, current, expected, pending, unknown, overlapping })
}

/// Whether any table can be judged with this graph.
pub fn decidable(graph: &Graph) -> Result<(), Undecidable> {
    if let Some(first) = graph.unparsable().first() {
        let first = format!("{} {}", first.file, first.reason);
        return Err(Undecidable::Unparsable { first, count: graph.unparsable().len() });
    }
    if let Some(first) = graph.findings().first() {
        return Err(Undecidable::Broken { first: first.to_string(), count: graph.findings().len() });
    }
    if graph.is_empty() { Err(Undecidable::NoRevisions) } else { Ok(()) }
}

/// The rows that are the same revision as another row, or lie below one.
fn overlapping(graph: &Graph, known: &[(&String, Position)]) -> Vec<String> {
    let implied = |&&(row, position): &&(&String, Position)| {
        let others = known.iter().filter(|(other, _)| *other != row).map(|&(_, position)| position);
        graph.ancestors(others)[position]
    };
    if known.len() < 2 {
        return vec![];
    }
    known.iter().filter(implied).map(|(row, _)| (*row).clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::super::graph::tests::graph;
    use super::super::reader::Unparsable;
    use super::*;

    fn rows(rows: &[&str]) -> Vec<String> {
        rows.iter().map(|row| (*row).to_owned()).collect()
    }

    /// Two branches, one of which depends on the other half way: `a1 - a2 - a3`, `b1 - b2 (depends on a2)`.
    const LINES: [&str; 5] = ["a001", "a002: a001", "a003: a002", "b001", "b002: b001 / a002"];

    fn judged(table: &[&str]) -> Judgement {
        judge(&graph(&LINES), Some(&rows(table))).unwrap()
    }

    #[test]
    fn the_effective_heads_are_up_to_date() {
        let judgement = judged(&["b002", "a003"]);
        assert_eq!(judgement.state, State::UpToDate);
        assert_eq!(judgement.current, ["a003", "b002"]);
        assert_eq!(judgement.expected, ["a003", "b002"]);
        assert_eq!(judgement.pending, Some(vec![]));
    }

    #[test]
    fn a_head_that_another_depends_on_is_not_expected() {
        let graph = graph(&["a001", "b001: / a001"]);
        assert_eq!(judge(&graph, Some(&rows(&["b001"]))).unwrap().state, State::UpToDate);
        assert_eq!(judge(&graph, Some(&rows(&["a001", "b001"]))).unwrap().state, State::Diverged);
    }

    #[test]
    fn a_branch_that_is_half_applied_is_behind() {
        let judgement = judged(&["a003"]);
        assert_eq!((judgement.state, judgement.unapplied_heads()), (State::Behind, Some(1)));
        assert_eq!(judgement.pending.unwrap(), ["b001", "b002"]);
        assert_eq!(judged(&["a001", "b001"]).pending.unwrap(), ["a002", "b002", "a003"]);
        assert_eq!(judged(&["a001", "b001"]).unapplied_heads(), Some(2));
    }

    #[test]
    fn without_rows_everything_is_pending() {
        let (empty, missing) = (judged(&[]), judge(&graph(&LINES), None).unwrap());
        assert_eq!((empty.state, missing.state), (State::Empty, State::Missing));
        assert_eq!(empty.pending, missing.pending);
        assert_eq!(empty.pending.unwrap().len(), 5);
    }

    #[test]
    fn a_row_that_no_file_has_is_unknown_and_hides_what_is_pending() {
        let judgement = judged(&["a001", "zzzz"]);
        assert_eq!(judgement.state, State::Unknown);
        assert_eq!(judgement.unknown, ["zzzz"]);
        assert_eq!((&judgement.pending, judgement.unapplied_heads()), (&None, None));
    }

    #[test]
    fn a_superfluous_row_is_told_whether_or_not_something_is_pending() {
        let judgement = judged(&["a002", "a003", "b002"]);
        assert_eq!((judgement.state, judgement.overlapping), (State::Diverged, rows(&["a002"])));
        let judgement = judged(&["a001", "a002"]);
        assert_eq!((judgement.state, judgement.overlapping), (State::Behind, rows(&["a001"])));
    }

    #[test]
    fn a_truncated_row_is_resolved_as_alembic_does() {
        let graph = graph(&["abcdef", "bcdefg: abcdef"]);
        assert_eq!(judge(&graph, Some(&rows(&["bcd"]))).unwrap().state, State::UpToDate);
        assert_eq!(judge(&graph, Some(&rows(&["abcd"]))).unwrap().pending.unwrap(), ["bcdefg"]);
    }

    #[test]
    fn a_row_that_stands_there_twice_counts_once() {
        assert_eq!(judged(&["a003", "a003", "b002"]).state, State::UpToDate);
    }

    #[test]
    fn nothing_is_told_from_a_graph_that_is_not_sound() {
        let judged = |graph: &Graph| judge(graph, Some(&rows(&["a001"])));
        for lines in [&["a001", "b001: zzzz"][..], &["a001", "a001"], &["a001: a001"]] {
            assert!(matches!(judged(&graph(lines)), Err(Undecidable::Broken { .. })), "{lines:?}");
        }
        let unparsable = Unparsable { file: "x.py".into(), reason: "is not valid Python".into() };
        let graph = Graph::new(vec![], vec![unparsable]);
        assert_eq!(
            judged(&graph).unwrap_err().to_string(),
            "1 revision files cannot be read without running them; the first: x.py is not valid Python"
        );
        assert_eq!(judged(&Graph::default()), Err(Undecidable::NoRevisions));
    }
}
