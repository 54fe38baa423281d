//! Sizes of tables: exact where that can be had without waiting, else estimated and marked so.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;

use super::{Collector, Context, Profile, Scope};
use crate::metric::{LabelValues, Samples, labels, largest, metrics};
use crate::postgres::{Error, ErrorKind, Parameter, Row, Session, Sql};

static ESTIMATES: Sql = Sql::new(&[(13, include_str!("sql/table_size_estimates.sql"))]);
static SIZES: Sql = Sql::new(&[(13, include_str!("sql/table_sizes.sql"))]);

/// Tables whose sizes one statement asks for: short enough that a lock taken meanwhile spoils little.
const CHUNK: usize = 500;

/// Tables that one round measures: each costs the server's cold session the cache entries of a table and its indexes. What
/// waits for its turn keeps its last exact size, or its estimate.
const MEASURED_A_ROUND: usize = 1000;

/// A size that nothing seems to have changed is measured anew after this time all the same.
const MEASURE_AGAIN: Duration = Duration::from_hours(1);

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
    /// 1 where the sizes of the table are its last exact ones although it has changed since, or come from pg_class.relpages, because of a lock or the bound; 0 where they are exact.
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
    interval: Duration::from_mins(1),
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
    trace: Trace,
    writing: bool,
}

/// What a change of size leaves behind: counters of changes and vacuums, and the files of table, indexes and toast.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Trace {
    changes: i64,
    files: i64,
}

/// An exact size, and when it was measured.
#[derive(Clone, Copy, Debug)]
struct Measured {
    size: Size,
    trace: Trace,
    at: Instant,
}

/// The last attempt to measure a table, which a lock may have spoiled, and the last exact size.
#[derive(Clone, Copy, Debug)]
struct Known {
    tried: Instant,
    measured: Option<Measured>,
}

/// Exact sizes of earlier rounds by database and table: opening 10,000 relations in a fresh session takes seconds of
/// the server's time, and most tables do not change between two rounds.
#[derive(Debug, Default)]
pub(super) struct Sizes(Mutex<BTreeMap<String, HashMap<u32, Known>>>);

impl Sizes {
    fn take(&self, datname: &str) -> HashMap<u32, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(datname).unwrap_or_default()
    }

    fn put(&self, datname: &str, sizes: HashMap<u32, Known>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(datname.to_owned(), sizes);
    }
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
        let mut known = context.notes.sizes.take(session.datname());
        recall(&mut by_estimate.kept, &known);
        let mut changed = due(&mut by_estimate.kept, &known);
        let measured = measure_all(session, &mut changed, &mut known).await;
        let present: HashSet<_> = by_estimate.kept.iter().map(|table| table.oid).collect();
        known.retain(|oid, _| present.contains(oid));
        context.notes.sizes.put(session.datname(), known);
        measured?;
        let mut bounded = largest(by_estimate.kept, limit, |table| table.size.total());
        bounded.rest.append(&mut by_estimate.rest);
        let estimated = bounded.kept.iter().chain(&bounded.rest).filter(|table| !table.exact).count();
        samples.push_plain(&ESTIMATED_TABLES, estimated as f64);
        for table in &bounded.kept {
            let names = labels([&table.schema, &table.name]);
            table.size.push(&names, samples);
            samples.push_some(&ROWS, &names, table.rows);
            samples.push(&ESTIMATED, &names, !table.exact);
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
        trace: Trace { changes: row.integer("changes")?, files: row.integer("files")? },
        writing: row.boolean("writing")?,
    })
}

/// Takes over the sizes that were measured before, as exact ones where they cannot have changed.
fn recall(tables: &mut [Table], known: &HashMap<u32, Known>) {
    for table in tables {
        let measured = known.get(&table.oid).and_then(|known| known.measured);
        if let Some(measured) = measured.filter(|measured| measured.trace.files == table.trace.files) {
            table.size = measured.size;
            table.exact = measured.trace == table.trace && !table.writing && measured.at.elapsed() < MEASURE_AGAIN;
        }
    }
}

/// The tables to measure in this round: the largest that nobody has tried to measure, then those whose last attempt is
/// the longest ago. Attempts count, so that tables that stay locked let the others have their turn.
fn due<'a>(tables: &'a mut [Table], known: &HashMap<u32, Known>) -> Vec<&'a mut Table> {
    let mut due: Vec<_> = tables.iter_mut().filter(|table| !table.exact).collect();
    due.sort_by_key(|table| known.get(&table.oid).map(|known| known.tried));
    due.truncate(MEASURED_A_ROUND);
    due
}

/// Measures as many as the round has time for; the next round goes on from there.
async fn measure_all(
    session: &mut Session,
    tables: &mut [&mut Table],
    known: &mut HashMap<u32, Known>,
) -> Result<(), Error> {
    for chunk in tables.chunks_mut(CHUNK) {
        match measure(session, chunk, known).await {
            Err(error) if error.kind() == ErrorKind::Timeout && !session.is_broken() => return Ok(()),
            outcome => outcome?,
        }
    }
    Ok(())
}

/// Replaces estimates by exact sizes where nobody holds or awaits a lock that we would wait for.
async fn measure(
    session: &mut Session,
    tables: &mut [&mut Table],
    known: &mut HashMap<u32, Known>,
) -> Result<(), Error> {
    let at = Instant::now();
    for table in tables.iter() {
        let untried = Known { tried: at, measured: None };
        known.entry(table.oid).or_insert(untried).tried = at;
    }
    let oids: Vec<_> = tables.iter().map(|table| table.oid).collect();
    let sizes = match sizes(session, &oids).await {
        Err(error) if lost_a_race(&error) => sizes(session, &oids).await,
        outcome => outcome,
    };
    let sizes = match sizes {
        Err(error) if lost_a_race(&error) => return Ok(()),
        outcome => outcome?,
    };
    for table in tables {
        if let Some(size) = sizes.get(&table.oid) {
            table.size = *size;
            table.exact = true;
            let measured = Some(Measured { size: *size, trace: table.trace, at });
            known.insert(table.oid, Known { tried: at, measured });
        }
    }
    Ok(())
}

/// Whether a table was locked, or an index of it dropped, after the statement had looked at the locks: a second look sees it.
fn lost_a_race(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::LockTimeout | ErrorKind::Missing)
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
    for table in rest {
        size.add(table.size);
    }
    size.push(&names, samples);
    samples.push(&ROWS, &names, rest.iter().filter_map(|table| table.rows).sum::<f64>());
    samples.push(&ESTIMATED, &names, rest.iter().any(|table| !table.exact));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_that_stay_locked_let_the_others_have_their_turn() {
        let measured = u32::try_from(MEASURED_A_ROUND).unwrap();
        let mut tables: Vec<_> = (0..=measured).map(|oid| Table { oid, ..Table::default() }).collect();
        let locked = Known { tried: Instant::now(), measured: None };
        let known = (0..measured).map(|oid| (oid, locked)).collect();
        let due = due(&mut tables, &known);
        assert_eq!((due.len(), due[0].oid), (MEASURED_A_ROUND, measured));
    }
}
