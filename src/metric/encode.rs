//! Text for Prometheus: the text format 0.0.4 and OpenMetrics 1.0.
//!
//! The two differ in their headers and in the last line only: the sample lines written here are valid in both, so
//! they are encoded once a round and serve every scrape.
//! Sources: <https://prometheus.io/docs/instrumenting/exposition_formats/>, <https://prometheus.io/docs/specs/om/open_metrics_spec/>.

use std::fmt::Write;

use super::{Definition, Family, Histogram, Kind, Value};

/// The exposition formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// The text format 0.0.4.
    Text,
    /// OpenMetrics 1.0.
    OpenMetrics,
}

impl Format {
    /// The value of the header `Content-Type`.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }

    /// What stands after the last family.
    pub fn end(self) -> &'static str {
        match self {
            Self::Text => "",
            Self::OpenMetrics => "# EOF\n",
        }
    }
}

/// Writes HELP and TYPE of a metric.
pub fn header(definition: &Definition, format: Format, out: &mut String) {
    let name = match format {
        Format::Text => definition.name,
        Format::OpenMetrics => definition.family_name(),
    };
    let kind = match (definition.kind, format) {
        (Kind::Info, Format::OpenMetrics) => "info",
        (Kind::Gauge | Kind::Info, _) => "gauge",
        (Kind::Counter, _) => "counter",
        (Kind::Histogram, _) => "histogram",
    };
    out.extend(["# HELP ", name, " "]);
    escape(definition.help, format == Format::OpenMetrics, out);
    out.extend(["\n# TYPE ", name, " ", kind, "\n"]);
}

/// Writes the sample lines of a family; `scope` holds the labels that stand before the family's own.
pub fn lines(family: &Family, scope: &[(&str, &str)], out: &mut String) {
    let definition = family.definition;
    let mut scope_text = String::new();
    for (name, value) in scope {
        label(name, value, &mut scope_text);
    }
    for sample in &family.samples {
        let labels = |out: &mut String| {
            out.push_str(&scope_text);
            for (name, value) in definition.labels.iter().zip(sample.labels.iter()) {
                label(name, value, out);
            }
        };
        match &sample.value {
            Value::Number(value) => line(definition.name, "", labels, *value, out),
            Value::Histogram(histogram) => histogram_lines(definition.name, labels, histogram, out),
        }
    }
}

fn histogram_lines(name: &str, labels: impl Fn(&mut String), histogram: &Histogram, out: &mut String) {
    for (bound, count) in histogram.cumulative() {
        let with_bound = |out: &mut String| {
            labels(out);
            // OpenMetrics wants `1.0` where the text format is content with `1`.
            let bound = if bound.is_infinite() { "+Inf".to_owned() } else { format!("{bound:?}") };
            label("le", &bound, out);
        };
        line(name, "_bucket", with_bound, count as f64, out);
    }
    line(name, "_sum", &labels, histogram.sum(), out);
    line(name, "_count", &labels, histogram.count() as f64, out);
}

/// Writes one sample line; `labels` appends `name="value",` pairs.
fn line(name: &str, suffix: &str, labels: impl Fn(&mut String), value: f64, out: &mut String) {
    out.extend([name, suffix]);
    let open = out.len();
    out.push('{');
    labels(out);
    if out.ends_with(',') {
        out.pop();
        out.push('}');
    } else {
        out.truncate(open);
    }
    out.push(' ');
    number(value, out);
    out.push('\n');
}

fn label(name: &str, value: &str, out: &mut String) {
    out.extend([name, "=\""]);
    escape(value, true, out);
    out.push_str("\",");
}

fn escape(text: &str, quotes: bool, out: &mut String) {
    if !text.bytes().any(|byte| matches!(byte, b'\\' | b'\n' | b'"')) {
        out.push_str(text);
        return;
    }
    for character in text.chars() {
        match character {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '"' if quotes => out.push_str("\\\""),
            other => out.push(other),
        }
    }
}

/// The largest range in which every whole number has a representation of its own.
const EXACT: f64 = 9_007_199_254_740_992.0;

fn number(value: f64, out: &mut String) {
    // Writing to a String cannot fail.
    let _ = if value.is_infinite() {
        write!(out, "{}Inf", if value > 0.0 { '+' } else { '-' })
    } else if value.fract() == 0.0 && value.abs() < EXACT {
        #[expect(clippy::cast_possible_truncation, reason = "whole and within the range of i64")]
        let whole = value as i64;
        write!(out, "{whole}")
    } else {
        write!(out, "{value}")
    };
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::metric::{Samples, labels, metrics};

    metrics! {
        /// Scans of a "table".
        static SCANS: Counter = "pgwarden_table_seq_scans_total" [schemaname, relname];
        /// Version of the server.
        static VERSION: Info = "pgwarden_server_info" [version];
        /// Nothing to distinguish.
        static PLAIN: Gauge = "pgwarden_plain" [];
        /// Ages of transactions.
        static AGES: Histogram = "pgwarden_transaction_seconds" [];
    }

    fn encode(samples: Samples, scope: &[(&str, &str)]) -> String {
        let mut out = String::new();
        for family in samples.into_families() {
            lines(&family, scope, &mut out);
        }
        out
    }

    #[test]
    fn scope_labels_stand_before_the_metrics_own() {
        let mut samples = Samples::default();
        samples.push(&SCANS, &labels(["public", "users"]), 7.0);
        assert_eq!(
            encode(samples, &[("target", "main"), ("datname", "app")]),
            "pgwarden_table_seq_scans_total{target=\"main\",datname=\"app\",schemaname=\"public\",relname=\"users\"} 7\n"
        );
    }

    #[test]
    fn a_metric_without_labels_has_no_braces() {
        let mut samples = Samples::default();
        samples.push_plain(&PLAIN, 0.5);
        assert_eq!(encode(samples, &[]), "pgwarden_plain 0.5\n");
    }

    #[test]
    fn quotes_backslashes_and_line_breaks_are_escaped() {
        let mut samples = Samples::default();
        samples.push_info(&VERSION, &labels(["a\"b\\c\nd🦀"]));
        assert_eq!(encode(samples, &[]), "pgwarden_server_info{version=\"a\\\"b\\\\c\\nd🦀\"} 1\n");
    }

    #[test]
    fn a_histogram_has_cumulative_buckets_with_floating_point_bounds() {
        let mut histogram = Histogram::new(&[1.0, 60.0]);
        histogram.observe(2.0);
        let mut samples = Samples::default();
        samples.push_plain(&AGES, histogram);
        assert_eq!(samples.series(), 5);
        assert_eq!(
            encode(samples, &[]),
            "pgwarden_transaction_seconds_bucket{le=\"1.0\"} 0\n\
             pgwarden_transaction_seconds_bucket{le=\"60.0\"} 1\n\
             pgwarden_transaction_seconds_bucket{le=\"+Inf\"} 1\n\
             pgwarden_transaction_seconds_sum 2\n\
             pgwarden_transaction_seconds_count 1\n"
        );
    }

    #[test]
    fn the_formats_differ_in_name_type_and_escapes_of_the_header() {
        let mut text = String::new();
        header(&SCANS, Format::Text, &mut text);
        assert_eq!(
            text,
            "# HELP pgwarden_table_seq_scans_total Scans of a \"table\".\n# TYPE pgwarden_table_seq_scans_total counter\n"
        );
        let mut open = String::new();
        header(&SCANS, Format::OpenMetrics, &mut open);
        header(&VERSION, Format::OpenMetrics, &mut open);
        assert_eq!(
            open,
            "# HELP pgwarden_table_seq_scans Scans of a \\\"table\\\".\n# TYPE pgwarden_table_seq_scans counter\n\
             # HELP pgwarden_server Version of the server.\n# TYPE pgwarden_server info\n"
        );
    }

    #[test]
    fn numbers_are_written_as_prometheus_reads_them() {
        for (value, text) in [
            (0.0, "0"),
            (-3.0, "-3"),
            (0.1, "0.1"),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
            (f64::NAN, "NaN"),
        ] {
            let mut out = String::new();
            number(value, &mut out);
            assert_eq!(out, text);
        }
    }

    proptest! {
        #[test]
        fn a_number_survives_being_written(value in any::<f64>()) {
            let mut out = String::new();
            number(value, &mut out);
            let read: f64 = out.replace("+Inf", "inf").replace("-Inf", "-inf").parse().unwrap();
            // Both zeros are written alike.
            prop_assert!(read.total_cmp(&value).is_eq() || read.is_nan() && value.is_nan() || read.abs() + value.abs() <= 0.0);
        }

        #[test]
        fn any_label_value_stays_on_one_line(value in any::<String>()) {
            let mut out = String::new();
            label("relname", &value, &mut out);
            prop_assert!(!out.contains('\n'));
        }
    }
}
