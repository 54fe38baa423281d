//! Standings, ages and numbers as a person reads them.

use std::fmt::Display;
use std::time::Duration;

/// How something stands, in a word and the class of its mark.
pub(super) struct Standing {
    pub(super) class: &'static str,
    pub(super) word: String,
}

impl Standing {
    pub(super) const GOOD: &str = "good";
    pub(super) const WAITING: &str = "waiting";
    pub(super) const BAD: &str = "bad";

    pub(super) fn new(class: &'static str, word: impl Into<String>) -> Self {
        Self { class, word: word.into() }
    }
}

/// `3 s`, `4 min`, `5 h`, `6 d`: as exact as a reader needs it.
pub(super) fn age(seconds: f64) -> String {
    let units = [("d", 86_400.0), ("h", 3_600.0), ("min", 60.0)];
    let seconds = seconds.max(0.0);
    // Up to two of a unit, the smaller one says more.
    match units.into_iter().find(|(_, size)| seconds >= 2.0 * size) {
        Some((unit, size)) => format!("{:.0} {unit}", (seconds / size).floor()),
        None => format!("{seconds:.0} s"),
    }
}

/// As `age`, of something that may never have been.
pub(super) fn ago(seconds: Option<f64>) -> String {
    seconds.map_or_else(|| "never".to_owned(), |seconds| format!("{} ago", age(seconds)))
}

pub(super) fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    if seconds < 1.0 { format!("{:.0} ms", seconds * 1e3) } else { format!("{seconds:.1} s") }
}

/// Digits in groups of three, with spaces that keep a number on one line.
pub(super) fn number(value: impl Display) -> String {
    let digits = value.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push('\u{202f}');
        }
        grouped.push(digit);
    }
    grouped
}
