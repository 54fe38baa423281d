//! `pgwarden alembic status` and `current` on databases that the real Alembic has brought into every state.

use std::fs;
use std::time::{Duration, Instant};

use crate::support::{Cluster, Major, PATIENCE, Pgwarden, Project, Role, on_majors};
use serde_json::{Value, json};

impl Project<'_> {
    async fn status_as(&self, role: Role, more: &[&str]) -> (i32, Value) {
        let folder = self.path().display().to_string();
        let url = self.database.url(role);
        let arguments = ["alembic", "status", "--scripts", &folder, "--database", &url, "--format", "json"];
        let output = Pgwarden::new(arguments.iter().chain(more)).run().await;
        let json = output.json();
        assert_eq!(json["version"], 1);
        (output.code, json["tables"].clone())
    }

    /// The exit code and the only table.
    async fn status(&self) -> (i32, Value) {
        let (code, tables) = self.status_as(Role::Superuser, &[]).await;
        let [table] = tables.as_array().expect("a list").as_slice() else { panic!("{tables}") };
        assert_eq!(table["datname"], self.database.name.as_str());
        (code, table.clone())
    }

    /// Fails unless the only table is in a state, with what is pending.
    async fn assert_status(&self, state: &str, current: &[&str], pending: &[&str]) {
        let (code, table) = self.status().await;
        assert_eq!(table["state"], state, "{table}");
        assert_eq!(table["current"], json!(current), "{table}");
        assert_eq!(table["pending"], json!(pending), "{table}");
        assert_eq!(code, i32::from(state != "up_to_date"), "{table}");
    }
}

on_majors! {
    [pg13 = 13, pg18 = 18]

    async fn an_upgrade_is_followed_from_nothing_to_the_head_and_back(major: Major) {
        let database = Cluster::shared(major).database().await;
        let project = Project::chain(&database);
        project.assert_status("missing", &[], &["aaaa", "bbbb", "cccc"]).await;
        project.alembic(&["upgrade", "heads"]);
        project.assert_status("up_to_date", &["cccc"], &[]).await;
        project.alembic(&["downgrade", "-1"]);
        project.assert_status("behind", &["bbbb"], &["cccc"]).await;
        project.alembic(&["stamp", "aaaa"]);
        project.assert_status("behind", &["aaaa"], &["bbbb", "cccc"]).await;
        project.alembic(&["downgrade", "base"]);
        project.assert_status("empty", &[], &["aaaa", "bbbb", "cccc"]).await;
    }

    async fn several_heads_are_expected_together(major: Major) {
        let database = Cluster::shared(major).database().await;
        let project = Project::new(&database, &[("aaaa", "None", ""), ("bbbb", "'aaaa'", ""), ("cccc", "'aaaa'", "")]);
        project.alembic(&["upgrade", "bbbb"]);
        project.assert_status("behind", &["bbbb"], &["cccc"]).await;
        project.alembic(&["upgrade", "heads"]);
        project.assert_status("up_to_date", &["bbbb", "cccc"], &[]).await;
        let (_, table) = project.status().await;
        assert_eq!(table["expected"], json!(["bbbb", "cccc"]));
    }

    async fn a_dependency_is_applied_without_a_row_of_its_own(major: Major) {
        let database = Cluster::shared(major).database().await;
        let revisions = [("aaaa", "None", "branch_labels = 'shop'"), ("bbbb", "None", ""), ("cccc", "'bbbb'", "depends_on = 'shop'")];
        let project = Project::new(&database, &revisions);
        project.alembic(&["upgrade", "heads"]);
        project.assert_status("up_to_date", &["cccc"], &[]).await;
        // Alembic's own check asks for the plain heads and fails on this complete database.
        assert!(!project.command(&["current", "--check-heads"]).output().expect("alembic runs").status.success());
    }

    async fn a_superfluous_row_diverges_and_every_upgrade_fails(major: Major) {
        let database = Cluster::shared(major).database().await;
        let project = Project::chain(&database);
        project.alembic(&["upgrade", "heads"]);
        database.session().await.execute("INSERT INTO alembic_version VALUES ('bbbb')").await;
        project.assert_status("diverged", &["bbbb", "cccc"], &[]).await;
        assert_eq!(project.status().await.1["overlapping"], json!(["bbbb"]));
        assert!(!project.command(&["upgrade", "heads"]).output().expect("alembic runs").status.success());
    }

    async fn a_database_ahead_of_the_code_is_unknown(major: Major) {
        let database = Cluster::shared(major).database().await;
        let project = Project::chain(&database);
        project.alembic(&["upgrade", "heads"]);
        fs::remove_file(project.path().join("versions/cccc.py")).expect("the file is there");
        let (code, table) = project.status().await;
        assert_eq!((code, &table["state"], &table["unknown"]), (1, &json!("unknown"), &json!(["cccc"])));
        assert_eq!(table["pending"], Value::Null);
    }

    async fn a_truncated_row_resolves_as_for_alembic(major: Major) {
        let database = Cluster::shared(major).database().await;
        let project = Project::new(&database, &[("aaaa1111", "None", ""), ("bbbb1111", "'aaaa1111'", "")]);
        project.alembic(&["upgrade", "aaaa1111"]);
        database.session().await.execute("UPDATE alembic_version SET version_num = 'aaaa'").await;
        project.assert_status("behind", &["aaaa"], &["bbbb1111"]).await;
        database.session().await.execute("UPDATE alembic_version SET version_num = 'bbbb'").await;
        project.assert_status("up_to_date", &["bbbb"], &[]).await;
        project.alembic(&["upgrade", "heads"]);
    }

    async fn a_version_table_is_found_in_any_schema_and_under_any_name(major: Major) {
        let database = Cluster::shared(major).database().await;
        database.session().await.execute("CREATE SCHEMA \"Mandant ü\"").await;
        let mut project = Project::chain(&database);
        project.table = "Mandant ü.Versionen";
        project.alembic(&["upgrade", "bbbb"]);
        project.assert_status("behind", &["bbbb"], &["cccc"]).await;
        let (_, table) = project.status().await;
        assert_eq!((&table["schema"], &table["table"]), (&json!("Mandant ü"), &json!("Versionen")));
    }

    async fn each_version_table_is_judged_and_one_can_be_chosen(major: Major) {
        let database = Cluster::shared(major).database().await;
        database.session().await.execute("CREATE SCHEMA one; CREATE SCHEMA two").await;
        let mut project = Project::chain(&database);
        for (table, revision) in [("one.alembic_version", "cccc"), ("two.alembic_version", "aaaa")] {
            project.table = table;
            project.alembic(&["upgrade", revision]);
        }
        let (code, tables) = project.status_as(Role::Superuser, &[]).await;
        let states: Vec<_> = tables.as_array().expect("a list").iter().map(|table| (&table["schema"], &table["state"])).collect();
        assert_eq!(states, [(&json!("one"), &json!("up_to_date")), (&json!("two"), &json!("behind"))]);
        assert_eq!(code, 1);
        let (code, tables) = project.status_as(Role::Superuser, &["--version-table", "one.alembic_version"]).await;
        assert_eq!((code, tables.as_array().expect("a list").len()), (0, 1));
        let (code, tables) = project.status_as(Role::Superuser, &["--version-table", "three.versions"]).await;
        assert_eq!((code, &tables[0]["state"], &tables[0]["schema"]), (1, &json!("missing"), &json!("three")));
        // A table with further columns is a version table only for those who say so.
        database.session().await.execute("ALTER TABLE two.alembic_version ADD noted text").await;
        assert_eq!(project.status_as(Role::Superuser, &[]).await.0, 0);
        assert_eq!(project.status_as(Role::Superuser, &["--version-table", "two.alembic_version"]).await.0, 1);
    }

    async fn a_long_migration_does_not_keep_us_waiting(major: Major) {
        let database = Cluster::shared(major).database().await;
        let slow = "from alembic import op\ndef upgrade():\n    op.execute('CREATE TABLE slow ()')\n    op.execute('SELECT pg_sleep(600)')";
        let project = Project::new(&database, &[("aaaa", "None", ""), ("bbbb", "'aaaa'", slow)]);
        project.alembic(&["upgrade", "aaaa"]);
        let mut migration = project.command(&["upgrade", "bbbb"]).spawn().expect("alembic runs");
        let session = database.session().await;
        session.wait_until_holds("SELECT EXISTS (SELECT FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%' AND state = 'active' AND datname = current_database() AND pid <> pg_backend_pid())", PATIENCE).await;
        project.assert_status("behind", &["aaaa"], &["bbbb"]).await;
        migration.kill().expect("it still runs");
        migration.wait().expect("it ends");
        // The server notices the loss of its client only when the statement ends.
        session.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%' AND datname = current_database() AND pid <> pg_backend_pid()").await;
    }

    async fn a_locked_version_table_is_not_waited_for(major: Major) {
        let database = Cluster::shared(major).database().await;
        let project = Project::chain(&database);
        project.alembic(&["upgrade", "heads"]);
        let holder = database.session().await;
        holder.execute("BEGIN; LOCK TABLE alembic_version").await;
        let start = Instant::now();
        let (code, table) = project.status().await;
        assert!(start.elapsed() < Duration::from_secs(10));
        assert_eq!((code, &table["state"]), (2, &Value::Null));
        assert!(table["error"].as_str().expect("a reason").contains("ACCESS EXCLUSIVE"), "{table}");
        holder.execute("ROLLBACK").await;
        // Nor is one that somebody only waits to lock.
        let reader = database.session().await;
        reader.execute("BEGIN; SELECT FROM alembic_version").await;
        let waiting = database.session().await.start_waiting("ALTER TABLE alembic_version ADD x int").await;
        assert_eq!(project.status().await.0, 2);
        reader.execute("ROLLBACK").await;
        waiting.finish().await.1.expect("the migration goes on");
    }

    async fn what_our_role_may_not_read_is_not_called_fine(major: Major) {
        let database = Cluster::shared(major).database().await;
        let project = Project::chain(&database);
        project.alembic(&["upgrade", "heads"]);
        let (code, tables) = project.status_as(Role::Nobody, &[]).await;
        assert_eq!((code, &tables[0]["state"]), (2, &Value::Null));
        assert!(tables[0]["error"].as_str().expect("a reason").contains("grant SELECT"), "{tables}");
    }

    async fn current_shows_the_rows_without_any_file(major: Major) {
        let database = Cluster::shared(major).database().await;
        let url = database.url(Role::Superuser);
        let current = async || {
            let output = Pgwarden::new(["alembic", "current", "--database", &url, "--format", "json"]).run().await;
            (output.code, output.json()["tables"][0].clone())
        };
        let (code, table) = current().await;
        assert_eq!((code, &table["present"], &table["current"]), (0, &json!(false), &json!([])));
        Project::chain(&database).alembic(&["upgrade", "bbbb"]);
        let (code, table) = current().await;
        assert_eq!((code, &table["present"], &table["current"]), (0, &json!(true), &json!(["bbbb"])));
    }
}

#[tokio::test]
async fn a_graph_that_is_not_sound_judges_nothing() {
    let database = Cluster::shared(Major(18)).database().await;
    let project = Project::chain(&database);
    project.alembic(&["upgrade", "heads"]);
    for (broken, reason) in [
        ("revision = 'dddd'\ndown_revision = 'zzzz'\n", "follows `zzzz`"),
        ("revision = 'cccc'\ndown_revision = 'bbbb'\n", "declared more than once"),
        ("revision = 'dddd'\ndown_revision = f()\n", "is the result of a call (line 2)"),
        ("revision = 'dddd'\ndown_revision = 'dddd'\n", "before themselves"),
    ] {
        project.write("versions/dddd.py", broken);
        let (code, table) = project.status().await;
        assert_eq!((code, &table["state"], &table["current"]), (2, &Value::Null, &json!(["cccc"])), "{broken}");
        assert!(table["error"].as_str().expect("a reason").contains(reason), "{table}");
    }
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_not_called_fine() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    fs::write(folder.path().join("a.py"), "revision = 'a'\ndown_revision = None\n").expect("a file can be written");
    let scripts = folder.path().display().to_string();
    let url = "postgres://nobody@127.0.0.1:1/nothing";
    let output =
        Pgwarden::new(["alembic", "status", "--scripts", &scripts, "--database", url, "--format", "json"]).run().await;
    assert_eq!(output.code, 2);
    assert_eq!(output.json()["tables"][0]["state"], Value::Null);
}

#[tokio::test]
async fn a_status_reads_as_well_with_a_configuration_file_or_a_manifest() {
    let database = Cluster::shared(Major(18)).database().await;
    let project = Project::chain(&database);
    project.alembic(&["upgrade", "bbbb"]);
    let path = |name: &str| project.path().join(name).display().to_string();
    let (ini, manifest, url) = (path("alembic.ini"), path("manifest.json"), database.url(Role::Superuser));
    let written = Pgwarden::new(["alembic", "manifest", "--ini", &ini, "--output", &manifest]).run().await;
    assert_eq!((written.code, written.stdout.as_str()), (0, ""));
    for source in [["--ini", &ini], ["--manifest", &manifest]] {
        let output = Pgwarden::new(["alembic", "status", "--database", &url].iter().copied().chain(source)).run().await;
        assert_eq!(output.code, 1);
        assert!(
            output.stdout.starts_with(&format!("behind    {}.public.alembic_version at bbbb\n", database.name)),
            "{}",
            output.stdout
        );
        assert!(
            output.stdout.ends_with("1 revision pending, run `alembic upgrade heads`:\n            cccc  make cccc\n"),
            "{}",
            output.stdout
        );
        assert!(!output.stdout.contains('\u{1b}'), "colours belong on a terminal only");
    }
}
