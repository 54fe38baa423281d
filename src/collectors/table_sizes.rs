//! Sizes of tables: exact where that can be had without waiting, else estimated and marked so.

use std::collections::HashMap;
use std::time::Duration;

use async_trait::async_trait;

use super::{Collector, Context, Profile, Scope};
use crate::metric::{LabelValues, Samples, labels, largest, metrics};
use crate::postgres::{Error, ErrorKind, Parameter, Row, Session, Sql};

static ESTIMATES: Sql = Sql::new(&[(13, include_str!("sql/table_size_estimates.sql"))]);
static SIZES: Sql = Sql::new(&[(13, include_str!("sql/table_sizes.sql"))]);

/// Tables whose sizes one statement asks for: short enough that a lock taken meanwhile spoils little.
const CHUNK: usize = 500;

/// Up to this many tables, all get exact sizes, and the largest are chosen by those.
const EXACT_AT_LEAST: usize = 1000;

metrics! {
    /// Bytes of the table with its indexes and its toast table (pg_table_size and pg_indexes_size, else pg_class.relpages); the tables beyond the bound are summed under relname other with an empty schemaname.
    static TOTAL: Gauge = "pgwarden_table_size_bytes" [schemaname, relname];
    /// Bytes of the table itself, with its free space and visibility maps (pg_table_size, else pg_class.relpages).
    static HEAP: Gauge = "pgwarden_table_heap_size_bytes" [schemaname, relname];
    /// Bytes of all indexes of the table (pg_indexes_size, else pg_class.relpages).
    static INDEXES: Gauge = "pgwarden_table_indexes_size_bytes" [schemaname, relname];
    /// Bytes of the toast table and its index (pg_total_relation_size, else pg_class.relpages).
    static TOAST: Gauge = "pgwarden_table_toast_size_bytes" [schemaname, relname];
    /// Rows that the planner expects, absent for a table that was never analysed (pg_class.reltuples).
    static ROWS: Gauge = "pgwarden_table_estimated_rows" [schemaname, relname];
    /// 1 where the sizes of the table are estimates from pg_class.relpages, because of a lock or the bound, 0 where they are exact.
    static ESTIMATED: Gauge = "pgwarden_table_size_estimated" [schemaname, relname];
    /// Tables and materialized views in the database, without those of the system (pg_class).
    static TABLES: Gauge = "pgwarden_tables" [];
    /// Tables whose sizes are estimates in this round.
    static ESTIMATED_TABLES: Gauge = "pgwarden_tables_size_estimated" [];
}

static PROFILE: Profile = Profile {
    name: "table_sizes",
    about: "Heap, index, toast and total size, and estimated rows, of the largest tables",
    scope: Scope::Database,
    interval: Duration::from_secs(60),
    timeout: Duration::from_secs(30),
    heavy: true,
    privilege: None,
    metrics: &[&TOTAL, &HEAP, &INDEXES, &TOAST, &ROWS, &ESTIMATED, &TABLES, &ESTIMATED_TABLES],
    statements: &[&ESTIMATES, &SIZES],
};

/// See the module.
pub(super) struct TableSizes;

/// One table.
#[derive(Debug, Default)]
struct Table {
    oid: u32,
    schema: String,
    name: String,
    rows: Option<f64>,
    size: Size,
    exact: bool,
}

/// Bytes.
#[derive(Clone, Copy, Debug, Default)]
struct Size {
    heap: f64,
    indexes: f64,
    toast: f64,
}

impl Size {
    fn total(self) -> f64 {
        self.heap + self.indexes + self.toast
    }

    fn add(&mut self, other: Self) {
        self.heap += other.heap;
        self.indexes += other.indexes;
        self.toast += other.toast;
    }

    fn push(self, names: &LabelValues, samples: &mut Samples) {
        samples.push(&TOTAL, names, self.total());
        samples.push(&HEAP, names, self.heap);
        samples.push(&INDEXES, names, self.indexes);
        samples.push(&TOAST, names, self.toast);
    }
}

#[async_trait]
impl Collector for TableSizes {
    fn profile(&self) -> &'static Profile {
        &PROFILE
    }

    async fn collect(&self, context: Context<'_>, session: &mut Session, samples: &mut Samples) -> Result<(), Error> {
        let limit = context.config.tables.max_tables;
        let mut tables = Vec::new();
        let sql = ESTIMATES.text(session.version());
        session.for_each(sql, &[], |row| estimate(&row).map(|table| tables.push(table))).await?;
        samples.push_plain(&TABLES, tables.len() as f64);

        let mut by_estimate = largest(tables, limit.max(EXACT_AT_LEAST), |table| table.size.total());
        for chunk in by_estimate.kept.chunks_mut(CHUNK) {
            measure(session, chunk).await?;
        }
        let mut bounded = largest(by_estimate.kept, limit, |table| table.size.total());
        bounded.rest.append(&mut by_estimate.rest);
        let estimated = bounded.kept.iter().chain(&bounded.rest).filter(|table| !table.exact).count();
        samples.push_plain(&ESTIMATED_TABLES, estimated as f64);
        for table in &bounded.kept {
            let names = labels([&table.schema, &table.name]);
            table.size.push(&names, samples);
            samples.push_some(&ROWS, &names, table.rows);
            samples.push(&ESTIMATED, &names, f64::from(u8::from(!table.exact)));
        }
        push_rest(&bounded.rest, samples);
        Ok(())
    }
}

fn estimate(row: &Row) -> Result<Table, Error> {
    Ok(Table {
        oid: row.oid("oid")?,
        schema: row.text("schemaname")?,
        name: row.text("relname")?,
        rows: row.number_some("rows")?,
        size: Size { heap: row.number("heap")?, indexes: row.number("indexes")?, toast: row.number("toast")? },
        exact: false,
    })
}

/// Replaces estimates by exact sizes where nobody holds or awaits a lock that we would wait for.
async fn measure(session: &mut Session, tables: &mut [Table]) -> Result<(), Error> {
    let oids: Vec<_> = tables.iter().map(|table| table.oid).collect();
    // A lock that was taken after the look at pg_locks ends the statement; a second look sees it.
    let sizes = match sizes(session, &oids).await {
        Err(error) if error.kind() == ErrorKind::LockTimeout => sizes(session, &oids).await,
        outcome => outcome,
    };
    let sizes = match sizes {
        Err(error) if error.kind() == ErrorKind::LockTimeout => return Ok(()),
        outcome => outcome?,
    };
    for table in tables {
        if let Some(size) = sizes.get(&table.oid) {
            table.size = *size;
            table.exact = true;
        }
    }
    Ok(())
}

async fn sizes(session: &mut Session, oids: &[u32]) -> Result<HashMap<u32, Size>, Error> {
    let mut sizes = HashMap::with_capacity(oids.len());
    let sql = SIZES.text(session.version());
    session
        .for_each(sql, &[Parameter::Oids(oids)], |row| {
            let columns = (row.number_some("main")?, row.number_some("toast")?, row.number_some("indexes")?);
            if let (Some(main), Some(toast), Some(indexes)) = columns {
                sizes.insert(row.oid("oid")?, Size { heap: (main - toast).max(0.0), indexes, toast });
            }
            Ok(())
        })
        .await?;
    Ok(sizes)
}

/// One row for all tables beyond the bound, so that sums stay true. No schema has an empty name.
fn push_rest(rest: &[Table], samples: &mut Samples) {
    if rest.is_empty() {
        return;
    }
    samples.leave_out(rest.len());
    let names = labels(super::OTHER);
    let mut size = Size::default();
    rest.iter().for_each(|table| size.add(table.size));
    size.push(&names, samples);
    samples.push(&ROWS, &names, rest.iter().filter_map(|table| table.rows).sum::<f64>());
    samples.push(&ESTIMATED, &names, f64::from(u8::from(rest.iter().any(|table| !table.exact))));
}
