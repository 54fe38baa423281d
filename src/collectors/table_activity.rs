//! What happens to tables: scans, changes, dead rows, vacuum and analyze, blocks read and hit.

use std::time::Duration;

use async_trait::async_trait;

use super::{Collector, Context, OTHER, Profile, Scope};
use crate::metric::{Definition, Samples, labels, metrics};
use crate::postgres::{Error, Parameter, Row, Session, Sql};

/// The statement with the columns of these files.
macro_rules! select {
    ($($file:literal),+) => {
        concat!(
            $(include_str!(concat!("sql/table_activity/", $file)),)+
            include_str!("sql/table_activity/tables.sql")
        )
    };
}

static TABLES: Sql = Sql::new(&[
    (13, select!("columns.sql")),
    (16, select!("columns.sql", "columns.16.sql")),
    (18, select!("columns.sql", "columns.16.sql", "columns.18.sql")),
]);

metrics! {
    /// Sequential scans of the table (pg_stat_user_tables.seq_scan).
    static SEQ_SCANS: Counter = "pgwarden_table_seq_scans_total" [schemaname, relname];
    /// Live rows that sequential scans read (pg_stat_user_tables.seq_tup_read).
    static SEQ_ROWS_READ: Counter = "pgwarden_table_seq_rows_read_total" [schemaname, relname];
    /// Unix time of the last sequential scan, from PostgreSQL 16 on (pg_stat_user_tables.last_seq_scan).
    static LAST_SEQ_SCAN: Gauge = "pgwarden_table_last_seq_scan_timestamp_seconds" [schemaname, relname];
    /// Index scans of the table, absent without an index (pg_stat_user_tables.idx_scan).
    static INDEX_SCANS: Counter = "pgwarden_table_index_scans_total" [schemaname, relname];
    /// Live rows that index scans fetched, absent without an index (pg_stat_user_tables.idx_tup_fetch).
    static INDEX_ROWS_FETCHED: Counter = "pgwarden_table_index_rows_fetched_total" [schemaname, relname];
    /// Unix time of the last index scan, from PostgreSQL 16 on (pg_stat_user_tables.last_idx_scan).
    static LAST_INDEX_SCAN: Gauge = "pgwarden_table_last_index_scan_timestamp_seconds" [schemaname, relname];
    /// Rows inserted (pg_stat_user_tables.n_tup_ins).
    static INSERTED: Counter = "pgwarden_table_rows_inserted_total" [schemaname, relname];
    /// Rows updated (pg_stat_user_tables.n_tup_upd).
    static UPDATED: Counter = "pgwarden_table_rows_updated_total" [schemaname, relname];
    /// Rows deleted (pg_stat_user_tables.n_tup_del).
    static DELETED: Counter = "pgwarden_table_rows_deleted_total" [schemaname, relname];
    /// Rows updated without a new index entry (pg_stat_user_tables.n_tup_hot_upd).
    static HOT_UPDATED: Counter = "pgwarden_table_rows_hot_updated_total" [schemaname, relname];
    /// Rows updated to a new page, from PostgreSQL 16 on (pg_stat_user_tables.n_tup_newpage_upd).
    static NEWPAGE_UPDATED: Counter = "pgwarden_table_rows_newpage_updated_total" [schemaname, relname];
    /// Estimated live rows (pg_stat_user_tables.n_live_tup).
    static LIVE: Gauge = "pgwarden_table_live_rows" [schemaname, relname];
    /// Estimated dead rows (pg_stat_user_tables.n_dead_tup).
    static DEAD: Gauge = "pgwarden_table_dead_rows" [schemaname, relname];
    /// Estimated rows modified since the last analyze (pg_stat_user_tables.n_mod_since_analyze).
    static MODIFIED: Gauge = "pgwarden_table_rows_modified_since_analyze" [schemaname, relname];
    /// Estimated rows inserted since the last vacuum (pg_stat_user_tables.n_ins_since_vacuum).
    static INSERTED_SINCE: Gauge = "pgwarden_table_rows_inserted_since_vacuum" [schemaname, relname];
    /// Unix time of the last manual vacuum, absent if never (pg_stat_user_tables.last_vacuum).
    static LAST_VACUUM: Gauge = "pgwarden_table_last_vacuum_timestamp_seconds" [schemaname, relname];
    /// Unix time of the last autovacuum, absent if never (pg_stat_user_tables.last_autovacuum).
    static LAST_AUTOVACUUM: Gauge = "pgwarden_table_last_autovacuum_timestamp_seconds" [schemaname, relname];
    /// Unix time of the last manual analyze, absent if never (pg_stat_user_tables.last_analyze).
    static LAST_ANALYZE: Gauge = "pgwarden_table_last_analyze_timestamp_seconds" [schemaname, relname];
    /// Unix time of the last autoanalyze, absent if never (pg_stat_user_tables.last_autoanalyze).
    static LAST_AUTOANALYZE: Gauge = "pgwarden_table_last_autoanalyze_timestamp_seconds" [schemaname, relname];
    /// Manual vacuums (pg_stat_user_tables.vacuum_count).
    static VACUUMS: Counter = "pgwarden_table_vacuums_total" [schemaname, relname];
    /// Autovacuums (pg_stat_user_tables.autovacuum_count).
    static AUTOVACUUMS: Counter = "pgwarden_table_autovacuums_total" [schemaname, relname];
    /// Manual analyzes (pg_stat_user_tables.analyze_count).
    static ANALYZES: Counter = "pgwarden_table_analyzes_total" [schemaname, relname];
    /// Autoanalyzes (pg_stat_user_tables.autoanalyze_count).
    static AUTOANALYZES: Counter = "pgwarden_table_autoanalyzes_total" [schemaname, relname];
    /// Seconds spent in manual vacuums, from PostgreSQL 18 on (pg_stat_user_tables.total_vacuum_time).
    static VACUUM_TIME: Counter = "pgwarden_table_vacuum_seconds_total" [schemaname, relname];
    /// Seconds spent in autovacuums, from PostgreSQL 18 on (pg_stat_user_tables.total_autovacuum_time).
    static AUTOVACUUM_TIME: Counter = "pgwarden_table_autovacuum_seconds_total" [schemaname, relname];
    /// Seconds spent in manual analyzes, from PostgreSQL 18 on (pg_stat_user_tables.total_analyze_time).
    static ANALYZE_TIME: Counter = "pgwarden_table_analyze_seconds_total" [schemaname, relname];
    /// Seconds spent in autoanalyzes, from PostgreSQL 18 on (pg_stat_user_tables.total_autoanalyze_time).
    static AUTOANALYZE_TIME: Counter = "pgwarden_table_autoanalyze_seconds_total" [schemaname, relname];
    /// Blocks of the table read from outside of the buffer cache (pg_statio_user_tables.heap_blks_read).
    static HEAP_READ: Counter = "pgwarden_table_heap_blocks_read_total" [schemaname, relname];
    /// Blocks of the table found in the buffer cache (pg_statio_user_tables.heap_blks_hit).
    static HEAP_HIT: Counter = "pgwarden_table_heap_blocks_hit_total" [schemaname, relname];
    /// Blocks of the indexes read from outside of the buffer cache, absent without an index (pg_statio_user_tables.idx_blks_read).
    static INDEX_READ: Counter = "pgwarden_table_index_blocks_read_total" [schemaname, relname];
    /// Blocks of the indexes found in the buffer cache, absent without an index (pg_statio_user_tables.idx_blks_hit).
    static INDEX_HIT: Counter = "pgwarden_table_index_blocks_hit_total" [schemaname, relname];
    /// Blocks of the toast table read from outside of the buffer cache, absent without one (pg_statio_user_tables.toast_blks_read).
    static TOAST_READ: Counter = "pgwarden_table_toast_blocks_read_total" [schemaname, relname];
    /// Blocks of the toast table found in the buffer cache, absent without one (pg_statio_user_tables.toast_blks_hit).
    static TOAST_HIT: Counter = "pgwarden_table_toast_blocks_hit_total" [schemaname, relname];
    /// Blocks of the toast index read from outside of the buffer cache, absent without one (pg_statio_user_tables.tidx_blks_read).
    static TOAST_INDEX_READ: Counter = "pgwarden_table_toast_index_blocks_read_total" [schemaname, relname];
    /// Blocks of the toast index found in the buffer cache, absent without one (pg_statio_user_tables.tidx_blks_hit).
    static TOAST_INDEX_HIT: Counter = "pgwarden_table_toast_index_blocks_hit_total" [schemaname, relname];
}

/// The metrics with their columns; an older server lacks some columns.
const FACTS: [(&Definition, &str); 35] = [
    (&SEQ_SCANS, "seq_scans"),
    (&SEQ_ROWS_READ, "seq_rows_read"),
    (&LAST_SEQ_SCAN, "last_seq_scan"),
    (&INDEX_SCANS, "index_scans"),
    (&INDEX_ROWS_FETCHED, "index_rows_fetched"),
    (&LAST_INDEX_SCAN, "last_index_scan"),
    (&INSERTED, "rows_inserted"),
    (&UPDATED, "rows_updated"),
    (&DELETED, "rows_deleted"),
    (&HOT_UPDATED, "rows_hot_updated"),
    (&NEWPAGE_UPDATED, "rows_newpage_updated"),
    (&LIVE, "live_rows"),
    (&DEAD, "dead_rows"),
    (&MODIFIED, "modified_since_analyze"),
    (&INSERTED_SINCE, "inserted_since_vacuum"),
    (&LAST_VACUUM, "last_vacuum"),
    (&LAST_AUTOVACUUM, "last_autovacuum"),
    (&LAST_ANALYZE, "last_analyze"),
    (&LAST_AUTOANALYZE, "last_autoanalyze"),
    (&VACUUMS, "vacuums"),
    (&AUTOVACUUMS, "autovacuums"),
    (&ANALYZES, "analyzes"),
    (&AUTOANALYZES, "autoanalyzes"),
    (&VACUUM_TIME, "vacuum_seconds"),
    (&AUTOVACUUM_TIME, "autovacuum_seconds"),
    (&ANALYZE_TIME, "analyze_seconds"),
    (&AUTOANALYZE_TIME, "autoanalyze_seconds"),
    (&HEAP_READ, "heap_read"),
    (&HEAP_HIT, "heap_hit"),
    (&INDEX_READ, "index_read"),
    (&INDEX_HIT, "index_hit"),
    (&TOAST_READ, "toast_read"),
    (&TOAST_HIT, "toast_hit"),
    (&TOAST_INDEX_READ, "toast_index_read"),
    (&TOAST_INDEX_HIT, "toast_index_hit"),
];

const METRICS: [&Definition; FACTS.len()] = {
    let mut metrics = [FACTS[0].0; FACTS.len()];
    let mut index = 0;
    while index < FACTS.len() {
        metrics[index] = FACTS[index].0;
        index += 1;
    }
    metrics
};

static PROFILE: Profile = Profile {
    name: "table_activity",
    about: "Scans, changed and dead rows, vacuum and analyze, and blocks read and hit, of the largest tables",
    scope: Scope::Database,
    interval: Duration::from_secs(30),
    timeout: Duration::from_secs(15),
    heavy: false,
    privilege: None,
    metrics: &METRICS,
    statements: &[&TABLES],
};

/// See the module.
pub(super) struct TableActivity;

#[async_trait]
impl Collector for TableActivity {
    fn profile(&self) -> &'static Profile {
        &PROFILE
    }

    async fn collect(&self, context: Context<'_>, session: &mut Session, samples: &mut Samples) -> Result<(), Error> {
        let max_tables = i64::try_from(context.config.tables.max_tables).unwrap_or(i64::MAX);
        let mut facts: Option<Vec<Fact>> = None;
        let mut left_out = 0;
        session
            .for_each(TABLES.text(session.version()), &[Parameter::Integer(max_tables)], |row| {
                let facts = facts.get_or_insert_with(|| facts_of(&row));
                if row.boolean("own_series")? {
                    return push(&row, facts, samples);
                }
                left_out += 1;
                facts.iter_mut().try_for_each(|fact| fact.add(&row))
            })
            .await?;
        samples.leave_out(left_out);
        let names = labels(OTHER);
        for fact in facts.unwrap_or_default() {
            samples.push_some(fact.definition, &names, fact.remainder);
        }
        Ok(())
    }
}

/// A column of the answer, found once for all rows, and its sum over the tables without series of their own.
struct Fact {
    definition: &'static Definition,
    position: usize,
    remainder: Option<f64>,
}

impl Fact {
    fn add(&mut self, row: &Row) -> Result<(), Error> {
        if self.adds_up()
            && let Some(value) = row.number_at(self.position)?
        {
            *self.remainder.get_or_insert_default() += value;
        }
        Ok(())
    }

    /// Whether a sum over tables has a meaning.
    fn adds_up(&self) -> bool {
        !self.definition.name.ends_with("_timestamp_seconds")
    }
}

/// The columns that this server has.
fn facts_of(row: &Row) -> Vec<Fact> {
    let known = |(definition, column): (&'static Definition, &str)| {
        Some(Fact { definition, position: row.position(column).ok()?, remainder: None })
    };
    FACTS.into_iter().filter_map(known).collect()
}

fn push(row: &Row, facts: &[Fact], samples: &mut Samples) -> Result<(), Error> {
    let names = labels([&row.text("schemaname")?, &row.text("relname")?]);
    for fact in facts {
        samples.push_some(fact.definition, &names, row.number_at(fact.position)?);
    }
    Ok(())
}
