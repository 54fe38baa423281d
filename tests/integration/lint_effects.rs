//! What lint claims of an operation (lock, rewrite, scan), compared with what a server does.

use std::collections::BTreeMap;

use pgwarden::alembic::lint::{self, Finding, Knowledge, Options};
use pgwarden::locks::LockMode;

use crate::lint_cases::{CASES, Case, SCHEMA};
use crate::support::{Cluster, Database, Major, PATIENCE, Session, on_majors};

/// Strongest lock, new file, read through.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Effect {
    lock: String,
    rewrites: bool,
    scans: bool,
}

type Effects = BTreeMap<String, Effect>;

/// What the findings about the case's own part claim for each table.
fn claims(before: &str, upgrade: &str, major: Major) -> (Vec<Finding>, Effects) {
    let body = format!("{before}\n{upgrade}").replace('\n', "\n    ");
    let source = format!(
        "import sqlalchemy as sa\nfrom alembic import op\nfrom sqlalchemy.dialects import postgresql\n\
         revision = 'b'\ndown_revision = 'a'\ndef upgrade():\n    {body}\ndef downgrade():\n    op.execute('SELECT 1')\n"
    );
    let migration = lint::read("case.py", &source).unwrap();
    let options = Options { postgres: u32::from(major.0), lock_timeout_is_set: true, ..Options::default() };
    let mut findings = lint::judge(&migration, &mut Knowledge::default(), &options);
    let first = 7 + before.lines().count().max(1);
    findings.retain(|finding| finding.line >= first);
    let mut effects = Effects::new();
    for finding in &findings {
        if let (Some(table), Some(lock)) = (&finding.table, finding.lock) {
            let effect = effects.entry(table.clone()).or_default();
            effect.lock = strongest([effect.lock.as_str(), lock.name()]);
            effect.rewrites |= finding.rewrites == Some(true);
            effect.scans |= finding.scans == Some(true);
        }
    }
    (findings, effects)
}

fn strongest<'a>(modes: impl IntoIterator<Item = &'a str>) -> String {
    let strongest = modes.into_iter().filter_map(LockMode::parse).max();
    strongest.map(|mode| mode.name().to_owned()).unwrap_or_default()
}

/// Remembers tables by oid, because the operation may rename or drop them.
const REMEMBER: &str = "
    CREATE TEMP TABLE IF NOT EXISTS remembered (oid oid, relname text, filenode oid, filled boolean, scans bigint, tuples bigint);
    TRUNCATE remembered;
    INSERT INTO remembered
        SELECT c.oid, c.relname, pg_relation_filenode(c.oid), c.reltuples > 0, r.scans, r.tuples
          FROM pg_class c, LATERAL (READ) r WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'm');";

/// Reading through an index counts. Without rows a scan is all there is to see; with rows an empty new file does not count.
const READ: &str = "
    SELECT sum(pg_stat_get_xact_numscans(relation)) AS scans, sum(pg_stat_get_xact_tuples_returned(relation)) AS tuples
      FROM (SELECT c.oid UNION ALL SELECT indexrelid FROM pg_index WHERE indrelid = c.oid) relations (relation)";

const OBSERVE: &str = "
    SELECT c.relname || '|' || coalesce(string_agg(DISTINCT l.mode, ' '), '') || '|'
           || coalesce(bool_or(pg_relation_filenode(c.oid) <> c.filenode), false) || '|'
           || bool_or(CASE WHEN c.filled THEN now.tuples > c.tuples ELSE now.scans > c.scans END)
      FROM remembered c JOIN pg_locks l ON l.relation = c.oid AND l.pid = PID, LATERAL (READ) now
     GROUP BY c.oid, c.relname";

async fn observe(session: &Session, pid: i32) -> Effects {
    let rows = session.simple_query(&OBSERVE.replace("READ", READ).replace("PID", &pid.to_string())).await.unwrap();
    let rows = rows.iter().filter_map(|message| match message {
        tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
        _ => None,
    });
    rows.map(|row| {
        let [table, modes, rewrites, scans] = row.split('|').collect::<Vec<_>>()[..] else { panic!("{row}") };
        let effect = Effect { lock: strongest(modes.split(' ')), rewrites: rewrites == "true", scans: scans == "true" };
        (table.to_owned(), effect)
    })
    .collect()
}

async fn fresh(major: Major) -> Database<'static> {
    let database = Cluster::shared(major).database().await;
    let session = database.session().await;
    session.execute(SCHEMA).await;
    session.execute("ANALYZE").await;
    database
}

/// Every table that lint speaks of is locked, rewritten and read as it says; none whose writers wait goes unmentioned.
fn compare(case: &Case, major: Major, claimed: &Effects, observed: &Effects) -> Vec<String> {
    let blocks = |effect: &Effect| LockMode::parse(&effect.lock).is_some_and(LockMode::stops_writers);
    let mut wrong = Vec::new();
    for (table, claim) in claimed {
        if observed.get(table) != Some(claim) {
            wrong.push(format!(
                "{major}: {}: {table}: claimed {claim:?}, observed {:?}",
                case.name,
                observed.get(table)
            ));
        }
    }
    for (table, effect) in observed.iter().filter(|(table, effect)| blocks(effect) && !claimed.contains_key(*table)) {
        wrong.push(format!("{major}: {}: {table} is not mentioned: {effect:?}", case.name));
    }
    wrong
}

on_majors! {
    [pg13 = 13, pg18 = 18]

    async fn each_operation_does_to_its_tables_what_lint_says(major: Major) {
        let shared = fresh(major).await;
        let mut wrong = Vec::new();
        for case in CASES.iter().filter(|case| case.in_transaction && case.majors.contains(&major)) {
            let own = if case.before.is_empty() { None } else { Some(fresh(major).await) };
            let session = own.as_ref().unwrap_or(&shared).session().await;
            session.execute(case.before_sql).await;
            // A time zone in which timestamps with and without zone differ.
            session.execute("SET TimeZone = 'Europe/Berlin'").await;
            session.execute(&REMEMBER.replace("READ", READ)).await;
            session.execute("BEGIN").await;
            session.execute(case.sql).await;
            let observed = observe(&session, session.pid).await;
            session.execute("ROLLBACK").await;
            let (findings, claimed) = claims(case.before, case.upgrade, major);
            assert!(findings.iter().any(|finding| finding.rule == case.rule), "{}: {} finds nothing", case.name, case.rule);
            wrong.extend(compare(case, major, &claimed, &observed));
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    async fn what_needs_no_transaction_takes_the_lock_that_lint_says(major: Major) {
        let database = fresh(major).await;
        for case in CASES.iter().filter(|case| !case.in_transaction) {
            let (findings, claimed) = claims(case.before, case.upgrade, major);
            assert!(findings.iter().any(|finding| finding.rule == case.rule), "{}: {} finds nothing", case.name, case.rule);
            let Some(claim) = claimed.get("t") else { panic!("{}: nothing about t", case.name) };

            // A transaction that has read the table makes the operation wait where it has its strongest lock, or asks for it.
            let reader = database.session().await;
            reader.execute(&REMEMBER.replace("READ", READ)).await;
            reader.execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT FROM t").await;
            let runner = database.session().await;
            let statements = case.sql.split("; ").collect::<Vec<_>>();
            for setting in &statements[..statements.len() - 1] {
                runner.execute(setting).await;
            }
            let waiting = runner.start_waiting(statements[statements.len() - 1]).await;
            let observed = observe(&reader, waiting.pid).await;
            reader.execute("COMMIT").await;
            waiting.finish().await.1.unwrap();
            assert_eq!(observed.get("t").map(|effect| &effect.lock), Some(&claim.lock), "{major}: {}", case.name);
            let rewritten = "SELECT pg_relation_filenode(oid) <> filenode FROM remembered WHERE relname = 't'";
            assert_eq!(reader.holds(rewritten).await, claim.rewrites, "{major}: {}", case.name);
            assert!(claim.scans, "{major}: {}: an index is built, or the table copied", case.name);
        }
    }

    async fn concurrent_statements_fail_in_a_transaction(major: Major) {
        let database = fresh(major).await;
        let session = database.session().await;
        let statements = [
            "CREATE INDEX CONCURRENTLY ix ON t (a)",
            "DROP INDEX CONCURRENTLY ix",
            "REINDEX TABLE CONCURRENTLY t",
            "VACUUM FULL t",
        ];
        for statement in statements {
            session.execute("BEGIN").await;
            let error = session.batch_execute(statement).await.unwrap_err();
            assert_eq!(error.code(), Some(&tokio_postgres::error::SqlState::ACTIVE_SQL_TRANSACTION), "{statement}");
            session.execute("ROLLBACK").await;
            let (findings, _) = claims("", &format!("op.execute('{statement}')"), major);
            assert!(findings.iter().any(|finding| finding.rule == "concurrently-in-transaction"), "{statement}");
        }
    }

    async fn a_not_null_column_without_default_fails_on_a_table_with_rows(major: Major) {
        let database = fresh(major).await;
        let session = database.session().await;
        let error = session.batch_execute("ALTER TABLE t ADD COLUMN x int NOT NULL").await.unwrap_err();
        assert_eq!(error.code(), Some(&tokio_postgres::error::SqlState::NOT_NULL_VIOLATION));
    }

    async fn timestamps_get_a_zone_for_nothing_in_utc(major: Major) {
        let database = fresh(major).await;
        let session = database.session().await;
        session.execute(&REMEMBER.replace("READ", READ)).await;
        session.execute("SET TimeZone = 'UTC'; ALTER TABLE t ALTER ts TYPE timestamptz").await;
        assert!(session.holds("SELECT pg_relation_filenode(oid) = filenode FROM remembered WHERE relname = 't'").await);
    }

    async fn a_concurrent_index_under_a_lock_timeout_stays_behind_invalid(major: Major) {
        let database = fresh(major).await;
        let reader = database.session().await;
        reader.execute("BEGIN; UPDATE t SET a = 1").await;
        let session = database.session().await;
        session.execute("SET lock_timeout = '200ms'").await;
        assert!(session.batch_execute("CREATE INDEX CONCURRENTLY ix ON t (a)").await.is_err());
        assert!(session.holds("SELECT NOT indisvalid FROM pg_index WHERE indexrelid = 'ix'::regclass").await);
    }
}

on_majors! {
    [pg14 = 14, pg18 = 18]

    async fn detaching_concurrently_ends_with_the_partition_alone(major: Major) {
        let database = fresh(major).await;
        let reader = database.session().await;
        reader.execute(&REMEMBER.replace("READ", READ)).await;
        reader.execute("BEGIN; SELECT FROM p1").await;
        let waiting = database.session().await.start_waiting("ALTER TABLE parted DETACH PARTITION p1 CONCURRENTLY").await;
        let observed = observe(&reader, waiting.pid).await;
        reader.execute("COMMIT").await;
        waiting.finish().await.1.unwrap();
        assert_eq!(observed["p1"].lock, "AccessExclusiveLock");
        assert_eq!(observed["parted"].lock, "ShareUpdateExclusiveLock");
        reader.wait_until_holds("SELECT count(*) = 0 FROM pg_inherits WHERE inhrelid = 'p1'::regclass", PATIENCE).await;
    }
}
