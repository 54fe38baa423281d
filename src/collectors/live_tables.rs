//! Size and write rate of live tables, as far as they are known without touching them.

use std::collections::HashMap;
use std::time::Instant;

use crate::alembic::lint::{TableFact, TableFacts};
use crate::postgres::{Error, Parameter, Session, Sql};

pub(super) static LIVE_TABLES: Sql = Sql::new(&[(13, include_str!("sql/live_tables.sql"))]);

/// One look at the tables. Two of them make a rate.
#[derive(Debug)]
pub struct Look {
    at: Instant,
    written: HashMap<(String, String), i64>,
    facts: Vec<TableFact>,
}

impl Look {
    /// Looks at the tables of these names in the session's database, or at all tables when there is no name.
    pub async fn take(session: &mut Session, names: &[String]) -> Result<Self, Error> {
        let at = Instant::now();
        let mut look = Self { at, written: HashMap::new(), facts: Vec::new() };
        for row in session.query(LIVE_TABLES.text(session.version()), &[Parameter::Texts(names)]).await? {
            let (schema, table) = (row.text("schema")?, row.text("table")?);
            let number = |value: Option<i64>| value.and_then(|value| u64::try_from(value).ok());
            look.written.insert((schema.clone(), table.clone()), row.integer("written")?);
            look.facts.push(TableFact {
                rows: number(row.integer_some("rows")?),
                bytes: number(row.integer_some("bytes")?),
                writes_per_second: None,
                visible: row.boolean("visible")?,
                schema,
                table,
            });
        }
        Ok(look)
    }

    /// What is known of the tables; with an earlier look, how often they were written since then.
    pub fn facts(&self, earlier: Option<&Self>) -> TableFacts {
        let fact = |fact: &TableFact| {
            let rate = earlier.and_then(|earlier| self.rate(earlier, &(fact.schema.clone(), fact.table.clone())));
            TableFact { writes_per_second: rate, ..fact.clone() }
        };
        self.facts.iter().map(fact).collect()
    }

    fn rate(&self, earlier: &Self, table: &(String, String)) -> Option<f64> {
        let written = self.written.get(table)? - earlier.written.get(table)?;
        let seconds = self.at.duration_since(earlier.at).as_secs_f64();
        // A reset of the statistics in between leaves no rate to tell.
        (written >= 0 && seconds > 0.0).then(|| written as f64 / seconds)
    }
}
