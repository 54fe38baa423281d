//! Size and write rate of live tables.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use anyhow::Context;

use crate::alembic::lint::{TableFact, TableFacts};
use crate::config::Config;
use crate::postgres::{Budget, Session};

const TABLES: &str = include_str!("table_facts.sql");

/// How long one of the two looks may take.
const ROUND: Duration = Duration::from_secs(10);

/// Looks at the tables of the one database twice, so that the second look gives rates; and at the server's version.
pub(super) async fn read(config: &Config, window: Duration) -> anyhow::Result<(TableFacts, u32)> {
    let target = config.targets.first().context("no target")?;
    let budget = Budget::exporter(1);
    let mut session = Session::open(&target.connection, &target.connection.dbname, &config.sessions, &budget).await?;
    let (before, _) = look(&mut session).await?;
    let started = Instant::now();
    tokio::time::sleep(window).await;
    let (after, mut facts) = look(&mut session).await?;
    let seconds = started.elapsed().as_secs_f64();
    for fact in &mut facts {
        let key = (fact.schema.clone(), fact.table.clone());
        let written = after.get(&key).zip(before.get(&key)).map(|(after, before)| after - before);
        // A reset of the statistics in between leaves no rate to tell.
        fact.writes_per_second = written.filter(|written| *written >= 0).map(|written| written as f64 / seconds);
    }
    Ok((TableFacts::from(facts), session.version().major))
}

type Written = HashMap<(String, String), i64>;

async fn look(session: &mut Session) -> anyhow::Result<(Written, Vec<TableFact>)> {
    session.start_round(ROUND);
    let mut written = Written::new();
    let mut facts = Vec::new();
    for row in session.query(TABLES, &[]).await? {
        let (schema, table) = (row.text("schema")?, row.text("table")?);
        let number = |value: Option<i64>| value.and_then(|value| u64::try_from(value).ok());
        written.insert((schema.clone(), table.clone()), row.integer("written")?);
        facts.push(TableFact {
            rows: number(row.integer_some("rows")?),
            bytes: number(row.integer_some("bytes")?),
            writes_per_second: None,
            visible: row.boolean("visible")?,
            schema,
            table,
        });
    }
    Ok((written, facts))
}
