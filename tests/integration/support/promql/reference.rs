//! The metrics that there are.

use std::collections::BTreeMap;

use promql_parser::parser;

use super::examination::Examination;
use super::{Examined, Labels};

/// Labels that Prometheus puts on whatever it scrapes.
const SCRAPED: [&str; 2] = ["job", "instance"];

/// The type of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It only grows, until its source begins anew.
    Counter,
    /// Anything else.
    Gauge,
}

/// A metric.
#[derive(Clone, Debug)]
pub(super) struct Metric {
    pub(super) kind: Kind,
    pub(super) labels: Labels,
}

/// The metrics that there are, by their names in Prometheus.
#[derive(Clone, Debug)]
pub struct Reference(BTreeMap<String, Metric>);

impl Reference {
    /// The exporter's own, from its reference document (which a test of its own compares with the definitions), and
    /// those that Prometheus makes of a scrape.
    pub fn of_the_exporter() -> Self {
        let mut reference = Self(BTreeMap::new());
        for name in ["up", "scrape_duration_seconds", "scrape_samples_scraped"] {
            reference.add(name, Kind::Gauge, SCRAPED.map(str::to_owned).into());
        }
        let rows = include_str!("../../../../docs/METRICS.md").lines().filter_map(|line| line.strip_prefix("| `"));
        for row in rows {
            reference.add_row(row).unwrap_or_else(|| panic!("not a row of metrics: {row}"));
        }
        reference
    }

    /// Takes in a row, `name` | kind | `label`, `label` | meaning |, without its first two characters.
    fn add_row(&mut self, row: &str) -> Option<()> {
        let mut cells = row.split(" | ");
        let name = cells.next()?.trim_end_matches('`');
        let kind = cells.next()?;
        let labels = cells.next()?.split('`').skip(1).step_by(2).chain(SCRAPED);
        let labels: Labels = labels.map(str::to_owned).collect();
        match kind {
            "counter" => self.add(name, Kind::Counter, labels),
            "histogram" => {
                let buckets = labels.iter().cloned().chain(["le".to_owned()]).collect();
                self.add(&format!("{name}_bucket"), Kind::Counter, buckets);
                self.add(&format!("{name}_sum"), Kind::Counter, labels.clone());
                self.add(&format!("{name}_count"), Kind::Counter, labels);
            }
            "gauge" | "info" => self.add(name, Kind::Gauge, labels),
            _ => return None,
        }
        Some(())
    }

    /// Adds a metric, or replaces it.
    pub fn add(&mut self, name: &str, kind: Kind, labels: Labels) {
        self.0.insert(name.to_owned(), Metric { kind, labels });
    }

    /// The labels of a metric.
    pub fn labels(&self, name: &str) -> Option<&Labels> {
        self.0.get(name).map(|metric| &metric.labels)
    }

    /// Looks at an expression.
    pub fn examine(&self, expression: &str) -> Examined {
        match parser::parse(expression) {
            Ok(parsed) => Examination::of(self, &parsed),
            Err(error) => Examined { problems: vec![format!("cannot be parsed: {error}")], ..Examined::default() },
        }
    }

    pub(super) fn get(&self, name: &str) -> Option<&Metric> {
        self.0.get(name)
    }
}
