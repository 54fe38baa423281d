//! `pgwarden lint` as teams and their CI call it.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Cluster, Database, Output, Pgwarden, Role, on_majors};

/// A folder of migrations with an `env.py`, as `alembic init` makes it.
struct Migrations(TempDir);

impl Migrations {
    fn new(env: &str) -> Self {
        let migrations = Self(TempDir::new().unwrap());
        fs::create_dir(migrations.path().join("versions")).unwrap();
        fs::write(migrations.path().join("env.py"), env).unwrap();
        migrations
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn add(&self, name: &str, upgrade: &str) -> PathBuf {
        let file = self.path().join("versions").join(name);
        let body = upgrade.replace('\n', "\n    ");
        let source = format!(
            "import sqlalchemy as sa\nfrom alembic import op\nrevision = '{name}'\ndown_revision = None\n\n\
             def upgrade():\n    {body}\n\ndef downgrade():\n    op.execute('SELECT 1')\n"
        );
        fs::write(&file, source).unwrap();
        file
    }

    async fn lint(&self, arguments: &[&str]) -> Output {
        let folder = self.path().to_str().unwrap();
        Pgwarden::new([&["lint", folder], arguments].concat()).run().await
    }

    async fn json(&self, arguments: &[&str]) -> (i32, Value) {
        let output = self.lint(&[&["--format", "json"], arguments].concat()).await;
        (output.code, output.json())
    }
}

/// Sets a `lock_timeout` for all migrations.
const CAREFUL: &str = "connect_args = {'options': '-c lock_timeout=5s'}\n";

fn rules(report: &Value) -> Vec<&str> {
    report["findings"].as_array().unwrap().iter().map(|finding| finding["rule"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_finding_says_what_where_and_what_instead() {
    let migrations = Migrations::new(CAREFUL);
    let file = migrations.add("a.py", "op.create_index('ix', 'orders', ['a'], schema='shop')");
    let (code, report) = migrations.json(&[]).await;
    assert_eq!(code, 1);
    assert_eq!(report["version"], 1);
    assert_eq!(report["files"], 1);
    assert_eq!(report["unparsable"], json!([]));
    let finding = &report["findings"][0];
    let expected = json!({
        "rule": "create-index", "severity": "error", "file": file, "line": 7, "operation": "create_index",
        "schema": "shop", "table": "orders", "lock": "ShareLock", "rewrites": false, "scans": true,
        "message": finding["message"], "remedy": finding["remedy"],
        "rows": null, "bytes": null, "writes_per_second": null,
    });
    assert_eq!(report["findings"], json!([expected]));
    assert!(finding["remedy"].as_str().unwrap().contains("postgresql_concurrently=True"));
}

#[tokio::test]
async fn people_see_the_worst_first_with_lock_and_remedy() {
    let migrations = Migrations::new(CAREFUL);
    migrations.add("a.py", "op.add_column('t', sa.Column('a', sa.Integer()))");
    migrations.add("b.py", "op.drop_column('t', 'a')\nop.create_index('ix', 'u', ['a'])");
    let output = migrations.lint(&[]).await;
    let at = |text: &str| output.stdout.find(text).unwrap_or_else(|| panic!("{text} is missing:\n{}", output.stdout));
    assert!(at("b.py") < at("a.py") && at("create-index") < at("drop-column"), "{}", output.stdout);
    at("create_index on u: ShareLock, read through");
    at("autocommit_block()");
    assert!(!output.stdout.contains('\u{1b}'), "colours are for terminals");
}

#[tokio::test]
async fn the_exit_code_tells_fine_finding_and_could_not_tell() {
    let migrations = Migrations::new(CAREFUL);
    assert_eq!(migrations.lint(&[]).await.code, 2, "no file is not fine");
    migrations.add("a.py", "op.add_column('t', sa.Column('a', sa.Integer()))");
    assert_eq!(migrations.lint(&[]).await.code, 0, "info alone is fine");
    let broken = migrations.path().join("versions/broken.py");
    fs::write(&broken, "down_revision = None\ndef upgrade(:\n").unwrap();
    let (code, report) = migrations.json(&[]).await;
    assert_eq!((code, &report["unparsable"]), (2, &json!([broken])));
    migrations.add("b.py", "op.drop_table('t')");
    assert_eq!(migrations.lint(&[]).await.code, 1);
    assert_eq!(migrations.lint(&["--ignore", "drop-tabel"]).await.code, 2, "an unknown rule");
    assert_eq!(migrations.lint(&["/nowhere"]).await.code, 2);
}

#[tokio::test]
async fn a_folder_is_searched_for_revisions_and_a_file_is_taken_as_it_is() {
    let migrations = Migrations::new("");
    fs::create_dir(migrations.path().join("versions/deep")).unwrap();
    migrations.add("deep/a.py", "pass");
    let helper = migrations.path().join("versions/helper.py");
    fs::write(&helper, "def drop_all():\n    pass\n").unwrap();
    assert_eq!(migrations.json(&[]).await.1["files"], 1);
    assert_eq!(migrations.json(&[helper.to_str().unwrap()]).await.1["files"], 2);
}

#[tokio::test]
async fn a_lock_timeout_in_env_counts_for_every_file() {
    for (env, expected) in [(CAREFUL, false), ("# lock_timeout would be nice\n", true)] {
        let migrations = Migrations::new(env);
        migrations.add("a.py", "op.drop_table('t')");
        let (_, report) = migrations.json(&[]).await;
        assert_eq!(rules(&report).contains(&"missing-lock-timeout"), expected, "{env}");
    }
}

#[tokio::test]
async fn another_file_tells_which_tables_hang_together() {
    let migrations = Migrations::new(CAREFUL);
    migrations.add("a.py", "op.create_table('child', sa.Column('p', sa.Integer(), sa.ForeignKey('parent.id')))");
    migrations.add("b.py", "op.drop_table('child')");
    let (_, report) = migrations.json(&[]).await;
    let dropped = report["findings"].as_array().unwrap().iter().filter(|finding| finding["rule"] == "drop-table");
    let tables = dropped.map(|finding| (finding["table"].as_str().unwrap(), finding["lock"].as_str().unwrap()));
    assert_eq!(tables.collect::<Vec<_>>(), [("child", "AccessExclusiveLock"), ("parent", "AccessExclusiveLock")]);
}

#[tokio::test]
async fn rules_can_be_left_out_and_are_documented() {
    let migrations = Migrations::new(CAREFUL);
    migrations.add("a.py", "op.drop_table('t')");
    let (code, report) = migrations.json(&["--ignore", "drop-table", "--ignore", "data-loss"]).await;
    assert_eq!((code, rules(&report)), (0, vec![]));
    let reference = Pgwarden::new(["lint", "--rules"]).run().await;
    assert_eq!(reference.code, 0);
    assert!(reference.stdout.contains("### drop-table"));
}

#[tokio::test]
async fn a_file_in_a_declared_encoding_is_read() {
    let migrations = Migrations::new(CAREFUL);
    let file = migrations.path().join("versions/latin.py");
    let head = b"# -*- coding: latin-1 -*-\n# caf\xe9\ndown_revision = None\nfrom alembic import op\n";
    fs::write(&file, [head.as_slice(), b"def upgrade():\n    op.drop_table('t')\n"].concat()).unwrap();
    let (_, report) = migrations.json(&[]).await;
    assert!(rules(&report).contains(&"drop-table"));
    fs::write(&file, b"# caf\xe9\ndown_revision = None\n").unwrap();
    assert_eq!(migrations.json(&[]).await.1["unparsable"], json!([file]));
}

/// What lint says of a database in which a statement runs again and again.
async fn lint_while(migrations: &Migrations, database: &Database<'_>, statement: &str) -> Value {
    let session = database.session().await;
    let url = database.url(Role::Monitor);
    let arguments = ["--database", &url, "--window", "3s"];
    let writes = async {
        loop {
            session.execute(statement).await;
        }
    };
    tokio::select! {
        (_, report) = migrations.json(&arguments) => report,
        () = writes => unreachable!("it never ends"),
    }
}

on_majors! {
    [pg13 = 13, pg18 = 18]

    async fn severity_follows_the_live_table(major: Major) {
        let database = Cluster::shared(major).database().await;
        let session = database.session().await;
        session
            .execute(
                "CREATE TABLE small AS SELECT generate_series(1, 40) AS a;
                 CREATE TABLE large AS SELECT generate_series(1, 400000) AS a;
                 ANALYZE;
                 CREATE TABLE \"never analyzed\" AS SELECT generate_series(1, 40) AS a",
            )
            .await;
        let migrations = Migrations::new(CAREFUL);
        for table in ["small", "large", "missing"] {
            migrations.add(&format!("{table}.py"), &format!("op.create_index('ix', '{table}', ['a'])"));
        }
        let url = database.url(Role::Monitor);
        let (code, report) = migrations.json(&["--database", &url, "--window", "100ms"]).await;
        let finding = |table: &str| {
            let findings = report["findings"].as_array().unwrap();
            findings.iter().find(|finding| finding["table"] == table).unwrap().clone()
        };
        assert_eq!(code, 1);
        assert_eq!(finding("small")["severity"], "info");
        assert_eq!(finding("small")["rows"], 40);
        assert_eq!(finding("small")["writes_per_second"], 0.0);
        assert_eq!(finding("large")["severity"], "error");
        assert!(finding("large")["bytes"].as_u64().unwrap() > 8 << 20);
        assert_eq!((&finding("missing")["severity"], &finding("missing")["rows"]), (&json!("error"), &Value::Null));
    }

    async fn a_partitioned_table_is_as_large_as_its_partitions(major: Major) {
        let database = Cluster::shared(major).database().await;
        let session = database.session().await;
        session
            .execute(
                "CREATE TABLE large (a int) PARTITION BY RANGE (a);
                 CREATE TABLE large_1 PARTITION OF large FOR VALUES FROM (0) TO (300000) PARTITION BY RANGE (a);
                 CREATE TABLE large_1_1 PARTITION OF large_1 FOR VALUES FROM (0) TO (200000);
                 CREATE TABLE large_1_2 PARTITION OF large_1 FOR VALUES FROM (200000) TO (300000);
                 CREATE TABLE large_2 PARTITION OF large DEFAULT;
                 INSERT INTO large SELECT generate_series(1, 400000);
                 CREATE TABLE small (a int) PARTITION BY RANGE (a);
                 CREATE TABLE small_1 PARTITION OF small FOR VALUES FROM (0) TO (100);
                 INSERT INTO small SELECT generate_series(1, 40);
                 ANALYZE;
                 CREATE TABLE small_2 PARTITION OF small FOR VALUES FROM (100) TO (200);
                 CREATE TABLE bare (a int) PARTITION BY RANGE (a)",
            )
            .await;
        let migrations = Migrations::new(CAREFUL);
        for table in ["small", "large", "bare"] {
            migrations.add(&format!("{table}.py"), &format!("op.create_index('ix', '{table}', ['a'])"));
        }
        let url = database.url(Role::Monitor);
        // Whoever detaches a partition does not hold us up.
        let locking = database.session().await;
        locking.execute("BEGIN; LOCK TABLE large_1").await;
        let (_, report) = migrations.json(&["--database", &url, "--window", "100ms"]).await;
        let finding = |table: &str| {
            let findings = report["findings"].as_array().unwrap();
            findings.iter().find(|finding| finding["table"] == table).unwrap().clone()
        };
        assert_eq!((&finding("large")["severity"], &finding("large")["rows"]), (&json!("error"), &json!(400_000)));
        let pages = session.query_text("SELECT sum(relpages) * 8192 FROM pg_class WHERE relname LIKE 'large%' AND relkind = 'r'").await;
        assert_eq!(Some(finding("large")["bytes"].to_string()), pages);
        // A partition that was never written to changes nothing.
        assert_eq!((&finding("small")["severity"], &finding("small")["rows"]), (&json!("info"), &json!(40)));
        assert_eq!((&finding("bare")["severity"], &finding("bare")["rows"]), (&json!("error"), &Value::Null));
    }

    async fn writes_to_partitions_are_writes_to_the_whole(major: Major) {
        let database = Cluster::shared(major).database().await;
        let session = database.session().await;
        session
            .execute(
                "CREATE TABLE busy (a int) PARTITION BY RANGE (a);
                 CREATE TABLE busy_1 PARTITION OF busy DEFAULT;
                 INSERT INTO busy SELECT generate_series(1, 100);
                 ANALYZE",
            )
            .await;
        let migrations = Migrations::new(CAREFUL);
        migrations.add("a.py", "op.create_index('ix', 'busy', ['a'])");
        let report = lint_while(&migrations, &database, "UPDATE busy SET a = a").await;
        assert_eq!(report["findings"][0]["severity"], "error", "{report}");
    }

    async fn a_busy_table_makes_a_small_one_matter(major: Major) {
        let database = Cluster::shared(major).database().await;
        let session = database.session().await;
        session.execute("CREATE TABLE busy (a int); INSERT INTO busy SELECT generate_series(1, 100); ANALYZE").await;
        let migrations = Migrations::new(CAREFUL);
        migrations.add("a.py", "op.create_index('ix', 'busy', ['a'])");
        let report = lint_while(&migrations, &database, "UPDATE busy SET a = a").await;
        assert_eq!(report["findings"][0]["severity"], "error", "{report}");
        assert!(report["findings"][0]["writes_per_second"].as_f64().unwrap() > 10.0);
    }

    async fn a_locked_table_does_not_hold_lint_up(major: Major) {
        let database = Cluster::shared(major).database().await;
        let session = database.session().await;
        session.execute("CREATE TABLE t AS SELECT 1 AS a; ANALYZE").await;
        session.execute("BEGIN; LOCK TABLE t").await;
        let migrations = Migrations::new(CAREFUL);
        migrations.add("a.py", "op.create_index('ix', 't', ['a'])");
        let (code, report) = migrations.json(&["--database", &database.url(Role::Monitor), "--window", "1ms"]).await;
        assert_eq!((code, &report["findings"][0]["rows"]), (0, &json!(1)));
    }
}
