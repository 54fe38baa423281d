//! What a metric is, before any value of it exists.

/// The type of a metric, as Prometheus knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A value that goes up and down.
    Gauge,
    /// A value that only goes up, until its source is reset; its name ends in `_total`.
    Counter,
    /// A distribution over buckets.
    Histogram,
    /// A constant 1 whose labels carry text; its name ends in `_info`.
    Info,
}

/// A metric: its name, meaning and own labels.
///
/// The labels of the scope in which it is collected (`target`, or `target` and `datname`) stand before its own.
#[derive(Debug)]
pub struct Definition {
    /// The whole name, unit and suffix included.
    pub name: &'static str,
    /// The type.
    pub kind: Kind,
    /// The meaning, with the catalog view and column that it comes from.
    pub help: &'static str,
    /// The names of its own labels, in order.
    pub labels: &'static [&'static str],
}

/// Defines metrics; the doc comment of each **is** its HELP text, so that the two cannot differ.
///
/// ```
/// pgwarden::metric::metrics! {
///     /// Live rows of the table (pg_stat_get_live_tuples).
///     pub static LIVE_ROWS: Gauge = "pgwarden_table_live_rows" [schemaname, relname];
/// }
/// assert_eq!(LIVE_ROWS.help, "Live rows of the table (pg_stat_get_live_tuples).");
/// ```
#[macro_export]
macro_rules! __metrics {
    ($(
        $(#[doc = $help:literal])+
        $visibility:vis static $ident:ident: $kind:ident = $name:literal [$($label:ident),* $(,)?];
    )+) => {$(
        $(#[doc = $help])+
        $visibility static $ident: $crate::metric::Definition = $crate::metric::Definition {
            name: $name,
            kind: $crate::metric::Kind::$kind,
            help: concat!($($help),+).trim_ascii(),
            labels: &[$(stringify!($label)),*],
        };
    )+};
}

pub use crate::__metrics as metrics;

impl Definition {
    /// The name of the metric family in OpenMetrics, where the suffix belongs to the samples.
    pub fn family_name(&self) -> &'static str {
        let suffix = match self.kind {
            Kind::Counter => "_total",
            Kind::Info => "_info",
            Kind::Gauge | Kind::Histogram => "",
        };
        self.name.strip_suffix(suffix).unwrap_or(self.name)
    }

    /// What is wrong with the definition by Prometheus' naming rules, or nothing.
    pub fn violations(&self) -> Vec<String> {
        let mut found = Vec::new();
        let mut rule = |broken: bool, message: &str| {
            if broken {
                found.push(format!("{}: {message}", self.name));
            }
        };
        let name = self.name;
        rule(
            !["pgwarden_", "process_"].iter().any(|prefix| name.starts_with(prefix)),
            "names start with pgwarden_, or with process_ where every exporter's do",
        );
        rule(
            !name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_'),
            "names are lower case words",
        );
        rule((self.kind == Kind::Counter) != name.ends_with("_total"), "counters, and only they, end in _total");
        rule((self.kind == Kind::Info) != name.ends_with("_info"), "info metrics, and only they, end in _info");
        rule(
            ["_count", "_sum", "_bucket"].iter().any(|suffix| name.ends_with(suffix)),
            "_count, _sum and _bucket belong to histograms' samples",
        );
        rule(
            ["_ms", "_milliseconds", "_kb", "_mb", "_minutes", "_percent", "_age"]
                .iter()
                .any(|suffix| name.trim_end_matches("_total").ends_with(suffix)),
            "units are base units: seconds, bytes, ratio",
        );
        rule(!self.help.ends_with('.') || self.help.len() < 10, "HELP is a sentence");
        rule(
            self.labels
                .iter()
                .any(|label| ["le", "quantile", "type", "cluster", "env", "service", "region"].contains(label)),
            "a label of this name collides with what others attach",
        );
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    metrics! {
        /// Scans of the table
        /// (pg_stat_get_numscans).
        static SCANS: Counter = "pgwarden_table_seq_scans_total" [schemaname, relname];
        /// What it is.
        static BUILD: Info = "pgwarden_build_info" [];
    }

    #[test]
    fn the_doc_comment_is_the_help_text() {
        assert_eq!(SCANS.help, "Scans of the table (pg_stat_get_numscans).");
        assert_eq!(SCANS.labels, ["schemaname", "relname"]);
    }

    #[test]
    fn a_family_is_named_without_the_suffix_of_its_samples() {
        assert_eq!(SCANS.family_name(), "pgwarden_table_seq_scans");
        assert_eq!(BUILD.family_name(), "pgwarden_build");
    }

    #[test]
    fn a_gauge_named_like_a_counter_is_a_violation() {
        let wrong =
            Definition { name: "pgwarden_x_total", kind: Kind::Gauge, help: "A fine sentence.", labels: &["le"] };
        assert_eq!(wrong.violations().len(), 2);
        assert!(SCANS.violations().is_empty());
    }
}
