//! How big and how busy tables are, and how that weighs on a finding.

use std::collections::HashMap;

use super::finding::Severity;
use super::operation::Table;

/// A table up to this size, in bytes, is read or rewritten within the blink of an eye.
const SMALL: u64 = 8 << 20;
/// Where no size is known, a table of up to this many rows is small.
const FEW: u64 = 1_000;
/// A table from this size, in bytes, takes long to read or rewrite.
const LARGE: u64 = 1 << 30;
/// From this rate, in rows per second, waiting writers pile up.
const BUSY: f64 = 10.0;

/// What is known of one live table.
#[derive(Clone, Debug, PartialEq)]
pub struct TableFact {
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub table: String,
    /// Estimated rows; unknown where the server never counted them.
    pub rows: Option<u64>,
    /// Estimated size with indexes and TOAST, in bytes; unknown until the table was vacuumed or analyzed.
    pub bytes: Option<u64>,
    /// Rows inserted, updated and deleted per second; unknown without a window of time.
    pub writes_per_second: Option<f64>,
    /// Whether an unqualified name finds it through the search path.
    pub visible: bool,
}

/// The live tables of the database that the migrations are for, by name, those that the search path finds first; empty
/// without a database.
#[derive(Clone, Debug, Default)]
pub struct TableFacts(HashMap<String, Vec<TableFact>>);

impl FromIterator<TableFact> for TableFacts {
    fn from_iter<I: IntoIterator<Item = TableFact>>(facts: I) -> Self {
        let mut by_name: HashMap<String, Vec<TableFact>> = HashMap::new();
        for fact in facts {
            by_name.entry(fact.table.clone()).or_default().push(fact);
        }
        Self(by_name)
    }
}

impl TableFacts {
    /// The live table that a migration means. A name without a schema means the table in `home`, the schema that is
    /// migrated, if there is one, else the table that the search path finds.
    pub fn of(&self, table: &Table, home: Option<&str>) -> Option<&TableFact> {
        let named = self.0.get(table.name.as_deref()?)?;
        let in_schema = |schema: &str| named.iter().find(|fact| fact.schema == schema);
        match (table.schema.as_deref(), home) {
            (Some(schema), _) => in_schema(schema),
            (None, home) => home.and_then(in_schema).or_else(|| named.iter().find(|fact| fact.visible)),
        }
    }
}

impl TableFact {
    /// The severity of something that takes as long as the table is big.
    pub fn weigh(&self, severity: Severity) -> Severity {
        let busy = self.writes_per_second.is_some_and(|rate| rate >= BUSY);
        let small = self.bytes.map_or(self.rows.is_some_and(|rows| rows <= FEW), |bytes| bytes <= SMALL);
        match severity {
            _ if small && !busy => Severity::Info,
            Severity::Warning if busy || self.bytes.is_some_and(|bytes| bytes >= LARGE) => Severity::Error,
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(bytes: u64, writes_per_second: f64) -> TableFact {
        TableFact {
            schema: "public".into(),
            table: "t".into(),
            rows: Some(40),
            bytes: Some(bytes),
            writes_per_second: Some(writes_per_second),
            visible: true,
        }
    }

    #[test]
    fn forty_rows_are_no_reason_to_worry() {
        assert_eq!(table(16_384, 0.0).weigh(Severity::Error), Severity::Info);
    }

    #[test]
    fn a_table_that_was_never_analyzed_is_small_only_by_its_rows() {
        let unknown = TableFact { bytes: None, ..table(0, 0.0) };
        assert_eq!(unknown.weigh(Severity::Error), Severity::Info);
        assert_eq!(TableFact { rows: None, ..unknown }.weigh(Severity::Error), Severity::Error);
    }

    #[test]
    fn a_busy_or_large_table_makes_a_warning_an_error() {
        assert_eq!(table(16_384, 500.0).weigh(Severity::Warning), Severity::Error);
        assert_eq!(table(5 << 30, 0.0).weigh(Severity::Warning), Severity::Error);
        assert_eq!(table(100 << 20, 0.0).weigh(Severity::Warning), Severity::Warning);
    }

    #[test]
    fn an_unqualified_name_means_the_visible_table() {
        let mut hidden = table(1, 0.0);
        hidden.visible = false;
        hidden.schema = "archive".into();
        let facts: TableFacts = [hidden, table(2, 0.0)].into_iter().collect();
        let bytes = |table: &Table, home: Option<&str>| facts.of(table, home).and_then(|fact| fact.bytes);
        assert_eq!(bytes(&Table::named("t"), None), Some(2));
        assert_eq!(bytes(&Table::named("t"), Some("nowhere")), Some(2));
        assert_eq!(bytes(&Table::named("t"), Some("archive")), Some(1), "a tenant's own table comes first");
        let archived = Table { schema: Some("archive".into()), ..Table::named("t") };
        assert_eq!(bytes(&archived, Some("public")), Some(1));
        assert_eq!(bytes(&Table::default(), None), None);
    }
}
