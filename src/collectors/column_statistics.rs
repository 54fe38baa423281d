//! What the planner knows of columns: distinct values, NULLs, width, order.

use std::time::Duration;

use async_trait::async_trait;

use super::{Collector, Context, Profile, Scope};
use crate::metric::{Definition, Samples, labels, metrics};
use crate::postgres::{Error, Parameter, Session, Sql};

static STATISTICS: Sql = Sql::new(&[(13, include_str!("sql/column_statistics.sql"))]);
static COUNTS: Sql = Sql::new(&[(13, include_str!("sql/column_counts.sql"))]);

metrics! {
    /// Distinct values that the planner expects, a negative n_distinct resolved with the rows of the table (pg_stats.n_distinct, pg_class.reltuples).
    static DISTINCT: Gauge = "pgwarden_column_distinct_values" [schemaname, relname, attname];
    /// Fraction of the rows that are NULL (pg_stats.null_frac).
    static NULLS: Gauge = "pgwarden_column_null_ratio" [schemaname, relname, attname];
    /// Average width of the values (pg_stats.avg_width).
    static WIDTH: Gauge = "pgwarden_column_average_width_bytes" [schemaname, relname, attname];
    /// Correlation of the order of the values with their order on disk, from -1 to 1 (pg_stats.correlation).
    static CORRELATION: Gauge = "pgwarden_column_correlation" [schemaname, relname, attname];
    /// Fraction of the rows that hold the most common value, absent where none stands out (pg_stats.most_common_freqs).
    static MOST_COMMON: Gauge = "pgwarden_column_most_common_ratio" [schemaname, relname, attname];
    /// Columns of all tables, without those of the system (pg_attribute).
    static COLUMNS: Gauge = "pgwarden_columns" [];
    /// Columns whose statistics our role may see: SELECT on table or column, and no row security policy that binds it.
    static READABLE: Gauge = "pgwarden_columns_readable" [];
}

const FACTS: [(&Definition, &str); 5] = [
    (&DISTINCT, "distinct_values"),
    (&NULLS, "null_fraction"),
    (&WIDTH, "average_width"),
    (&CORRELATION, "correlation"),
    (&MOST_COMMON, "most_common_frequency"),
];

static PROFILE: Profile = Profile {
    name: "column_statistics",
    about: "Distinct values, NULLs, width and order of the columns that can matter",
    scope: Scope::Database,
    interval: Duration::from_mins(5),
    timeout: Duration::from_secs(30),
    heavy: true,
    privilege: Some("SELECT on the tables, or pg_read_all_data"),
    metrics: &[&DISTINCT, &NULLS, &WIDTH, &CORRELATION, &MOST_COMMON, &COLUMNS, &READABLE],
    statements: &[&STATISTICS, &COUNTS],
};

/// See the module.
pub(super) struct ColumnStatistics;

#[async_trait]
impl Collector for ColumnStatistics {
    fn profile(&self) -> &'static Profile {
        &PROFILE
    }

    async fn collect(&self, context: Context<'_>, session: &mut Session, samples: &mut Samples) -> Result<(), Error> {
        let limit = context.config.columns.max_columns;
        let counts = session.query_one(COUNTS.text(session.version()), &[]).await?;
        samples.push_plain(&COLUMNS, counts.number("total")?);
        samples.push_plain(&READABLE, counts.number("readable")?);
        let readable = usize::try_from(counts.integer("readable")?).unwrap_or_default();
        samples.leave_out(readable.saturating_sub(limit));

        // 0 stands for no limit, in the configuration as in the statement.
        let limit = Parameter::Integer(i64::try_from(limit).unwrap_or_default());
        let sql = STATISTICS.text(session.version());
        session
            .for_each(sql, &[limit], |row| {
                let names = labels([&row.text("schemaname")?, &row.text("relname")?, &row.text("attname")?]);
                for (definition, column) in FACTS {
                    samples.push_some(definition, &names, row.number_some(column)?);
                }
                Ok(())
            })
            .await
    }
}
