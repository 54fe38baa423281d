//! How findings and tables look to a person.

use anstyle::{AnsiColor, Style};

use crate::alembic::graph::Graph;

pub(super) const GOOD: Style = AnsiColor::Green.on_default();
pub(super) const BAD: Style = AnsiColor::Red.on_default().bold();
pub(super) const LESS: Style = AnsiColor::Yellow.on_default();

/// What keeps a graph from being compared with anything.
pub(super) fn print_defects(graph: &Graph) {
    for finding in graph.findings() {
        anstream::println!("{BAD}broken{BAD:#}   {finding}");
    }
    for file in graph.unparsable() {
        anstream::println!("{BAD}unread{BAD:#}   {} {}", file.file, file.reason);
    }
}

/// Lines of cells, each column as wide as its widest cell; the last one is not filled up.
pub(super) fn print_columns<const N: usize>(lines: &[[String; N]]) {
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
    for line in lines {
        let cells = line.iter().enumerate().map(|(column, cell)| format!("{cell:<width$}", width = width(column)));
        anstream::println!("{}", cells.collect::<Vec<_>>().join("  ").trim_end());
    }
}

/// `1 revision`, `2 revisions`.
pub(super) fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// The first line of a message: what a list has room for.
pub(super) fn first_line(message: &str) -> String {
    message.lines().next().unwrap_or_default().to_owned()
}
