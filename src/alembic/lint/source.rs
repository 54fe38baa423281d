//! A migration file as text: lines, and the comments that suppress findings.

use ruff_text_size::TextSize;
use serde::{Deserialize, Serialize};

/// Where the lines of a text begin.
#[derive(Debug)]
pub(super) struct Lines<'a> {
    text: &'a str,
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    /// Finds the lines of a text.
    pub(super) fn of(text: &'a str) -> Self {
        let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { text, starts }
    }

    /// The line, counted from 1, of a place in the text.
    pub(super) fn line(&self, at: TextSize) -> usize {
        self.starts.partition_point(|start| *start <= usize::from(at))
    }

    /// The text of a range.
    pub(super) fn slice(&self, range: ruff_text_size::TextRange) -> &'a str {
        self.text.get(usize::from(range.start())..usize::from(range.end())).unwrap_or_default()
    }
}

/// A comment `# pgwarden: ignore[rule, ...] reason`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Suppression {
    /// The line of the comment.
    pub line: usize,
    /// The rules that it names.
    pub rules: Vec<String>,
    /// Why they do not matter here; empty where nothing is said.
    pub reason: String,
}

impl Suppression {
    /// Reads a comment, `#` included; nothing if it is none of ours.
    pub fn parse(comment: &str, line: usize) -> Option<Self> {
        let body = comment.trim_start_matches('#').trim().strip_prefix("pgwarden:")?.trim();
        let (rules, reason) = body.strip_prefix("ignore")?.trim_start().strip_prefix('[')?.split_once(']')?;
        let rules = rules.split(',').map(|rule| rule.trim().to_owned()).filter(|rule| !rule.is_empty()).collect();
        Some(Self {
            line,
            rules,
            reason: reason
                .trim_matches(|letter: char| letter.is_whitespace() || letter == ':' || letter == '-')
                .to_owned(),
        })
    }

    /// Whether it stands on one of the lines, or on the line above.
    pub fn covers(&self, first: usize, last: usize) -> bool {
        self.line.saturating_add(1) >= first && self.line <= last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suppression_names_rules_and_says_why() {
        let suppression = Suppression::parse("# pgwarden: ignore[create-index, drop-column] 40 rows, ever", 7);
        let expected = Suppression {
            line: 7,
            rules: vec!["create-index".into(), "drop-column".into()],
            reason: "40 rows, ever".into(),
        };
        assert_eq!(suppression, Some(expected));
        assert_eq!(Suppression::parse("# pgwarden is a program", 1), None);
    }

    #[test]
    fn a_suppression_reaches_the_line_below_and_the_whole_call() {
        let suppression = Suppression { line: 4, rules: Vec::new(), reason: String::new() };
        assert!(suppression.covers(5, 6) && suppression.covers(3, 4) && suppression.covers(4, 4));
        assert!(!suppression.covers(6, 6) && !suppression.covers(1, 3));
    }
}
