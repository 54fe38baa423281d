//! `pgwarden alembic` with a configuration: each version table against the application that claims it.

use std::fs;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::alembic_metrics::application;
use crate::support::{Cluster, Database, Output, Pgwarden, Project, Role, on_majors};

/// A configuration file whose target `main` is the database.
struct Configured(TempDir);

impl Configured {
    fn new(database: &Database<'_>, applications: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let (url, name) = (database.url(Role::Superuser), &database.name);
        let target = format!("[[targets]]\nname = 'main'\nconnection = '{url}'\ndatabases = ['{name}']\n");
        fs::write(folder.path().join("pgwarden.toml"), format!("{applications}\n{target}"))
            .expect("a file can be written");
        Self(folder)
    }

    /// Runs in an empty folder, so that no `alembic.ini` lies about.
    async fn run(&self, arguments: &[&str]) -> Output {
        let config = self.0.path().join("pgwarden.toml");
        Pgwarden::new([&["alembic"], arguments].concat()).env("PGWARDEN_CONFIG", config).run().await
    }

    /// The exit code, and the tables.
    async fn tables(&self, arguments: &[&str]) -> (i32, Vec<Value>) {
        let output = self.run(&[arguments, &["--target", "main", "--format", "json"]].concat()).await;
        (output.code, output.json()["tables"].as_array().expect("a list").clone())
    }

    /// The exit code, and of each table its application, schema and state.
    async fn states(&self, more: &[&str]) -> (i32, Value) {
        let (code, tables) = self.tables(&[&["status"], more].concat()).await;
        let state = |table: &Value| json!([table["application"], table["schema"], table["state"]]);
        (code, tables.iter().map(state).collect())
    }
}

on_majors! {
    [pg13 = 13, pg18 = 18]

    async fn each_table_is_compared_with_the_application_that_claims_it(major: Major) {
        let database = Cluster::shared(major).database().await;
        database.session().await.execute("CREATE SCHEMA one; CREATE SCHEMA two; CREATE SCHEMA three").await;
        let mut shop = Project::chain(&database);
        let mut stock = Project::new(&database, &[("eeee", "None", "")]);
        for (schema, revision) in [("one.alembic_version", "cccc"), ("three.alembic_version", "aaaa")] {
            shop.table = schema;
            shop.alembic(&["upgrade", revision]);
        }
        stock.table = "two.alembic_version";
        stock.alembic(&["upgrade", "heads"]);
        let applications = [("shop", &shop, "schemas = ['one']"), ("stock", &stock, "schemas = ['two']")];
        let applications = applications.map(|(name, project, more)| application(name, project, more)).concat();
        let configured = Configured::new(&database, &applications);

        let both = [json!(["shop", "one", "up_to_date"]), json!(["stock", "two", "up_to_date"])];
        let (code, states) = configured.states(&[]).await;
        assert_eq!(states, json!([both[0], [null, "three", null], both[1]]));
        assert_eq!(code, 2, "what nobody claims is not called fine");
        assert_eq!(configured.states(&["--application", "stock"]).await, (0, json!([both[1]])));
        // Named files are for all tables, as without a configuration.
        let scripts = shop.path().display().to_string();
        let (code, states) = configured.states(&["--scripts", &scripts]).await;
        assert_eq!(states, json!([[null, "one", "up_to_date"], [null, "three", "behind"], [null, "two", "unknown"]]));
        assert_eq!(code, 1);
        let (_, current) = configured.tables(&["current", "--application", "stock"]).await;
        let [table] = current.as_slice() else { panic!("{current:?}") };
        assert_eq!((&table["application"], &table["current"]), (&json!("stock"), &json!(["eeee"])));
    }

    async fn a_table_that_the_configuration_expects_is_missing(major: Major) {
        let database = Cluster::shared(major).database().await;
        let project = Project::chain(&database);
        let shop = application("shop", &project, &format!("databases = ['{}']\nschemas = ['shop']", database.name));
        let configured = Configured::new(&database, &shop);
        assert_eq!(configured.states(&[]).await, (1, json!([["shop", "shop", "missing"]])));
        // A table of somebody else does not hide that.
        database.session().await.execute("CREATE TABLE alembic_version (version_num text)").await;
        let (code, states) = configured.states(&[]).await;
        assert_eq!((code, states), (2, json!([[null, "public", null], ["shop", "shop", "missing"]])));
        assert_eq!(configured.states(&["--application", "shop"]).await, (1, json!([["shop", "shop", "missing"]])));
    }
}

#[tokio::test]
async fn an_application_that_cannot_be_read_does_not_hide_another() {
    let database = Cluster::shared(crate::support::Major(18)).database().await;
    let mut project = Project::chain(&database);
    database.session().await.execute("CREATE SCHEMA lost").await;
    for table in ["lost.alembic_version", "public.alembic_version"] {
        project.table = table;
        project.alembic(&["upgrade", "heads"]);
    }
    let lost = "[[alembic.applications]]\nname = 'lost'\nmanifest = '/nowhere/manifest.json'\nschemas = ['lost']\n";
    let configured = Configured::new(&database, &[lost, &application("shop", &project, "")].concat());
    let (code, tables) = configured.tables(&["status"]).await;
    assert_eq!((code, &tables[0]["state"], &tables[1]["state"]), (2, &Value::Null, &json!("up_to_date")));
    assert!(tables[0]["error"].as_str().expect("a reason").contains("/nowhere/manifest.json"));
    let human = configured.run(&["status"]).await;
    assert!(human.stdout.contains("lost.alembic_version (lost): cannot read /nowhere/manifest.json"), "{human:?}");
}

#[tokio::test]
async fn the_heads_of_an_application_are_as_many_as_it_is_meant_to_have() {
    let database = Cluster::shared(crate::support::Major(18)).database().await;
    let branches = Project::new(&database, &[("aaaa", "None", ""), ("bbbb", "None", "")]);
    let shop = application("shop", &branches, "heads = 2");
    let configured = Configured::new(&database, &shop);
    assert_eq!(configured.run(&["heads"]).await.code, 0, "the only application is meant");
    assert_eq!(configured.run(&["heads", "--max-heads", "1"]).await.code, 1);
    assert_eq!(
        configured.run(&["history", "--format", "json"]).await.json()["revisions"].as_array().map(Vec::len),
        Some(2)
    );
    let two = Configured::new(&database, &[shop, application("stock", &branches, "")].concat());
    let ambiguous = two.run(&["heads"]).await;
    assert_eq!(ambiguous.code, 2);
    assert!(ambiguous.stderr.contains("choose one with --application: shop, stock"), "{ambiguous:?}");
    assert_eq!(two.run(&["heads", "--application", "stock"]).await.code, 1);
    let unknown = two.run(&["status", "--application", "shap"]).await;
    assert!(unknown.code == 2 && unknown.stderr.contains("known are: shop, stock"), "{unknown:?}");
}

#[tokio::test]
async fn many_tenants_that_lack_the_same_are_told_in_few_lines() {
    let database = Cluster::shared(crate::support::Major(18)).database().await;
    let chain: Vec<_> = (0..30).map(|n| (format!("r{n:03}"), format!("'r{:03}'", n - 1))).collect();
    let revisions = chain.iter().map(|(id, down)| (id.as_str(), if id == "r000" { "None" } else { down.as_str() }, ""));
    let project = Project::new(&database, &revisions.collect::<Vec<_>>());
    let tenant =
        |n| format!("CREATE SCHEMA t{n}; CREATE TABLE t{n}.alembic_version AS SELECT 'r000'::text AS version_num;");
    database.session().await.execute(&(0..50).map(tenant).collect::<String>()).await;
    let configured = Configured::new(&database, &application("shop", &project, ""));
    let human = configured.run(&["status"]).await;
    assert_eq!(human.stdout.matches("29 revisions pending, the same as above").count(), 49, "{}", human.stdout);
    assert!(human.stdout.contains("and 9 more; --format json lists all"), "{}", human.stdout);
    assert!(human.stdout.lines().count() < 50 * 2 + 25);
    let (_, tables) = configured.tables(&["status"]).await;
    assert!(tables.len() == 50 && tables.iter().all(|table| table["pending"].as_array().map(Vec::len) == Some(29)));
}

#[tokio::test]
async fn an_application_without_a_table_is_not_called_fine() {
    let database = Cluster::shared(crate::support::Major(18)).database().await;
    let mut project = Project::chain(&database);
    database.session().await.execute("CREATE SCHEMA other").await;
    project.table = "other.alembic_version";
    project.alembic(&["upgrade", "heads"]);
    let configured = Configured::new(&database, &application("shop", &project, "schemas = ['shop']"));
    for command in ["status", "current"] {
        let output = configured.run(&[command, "--application", "shop"]).await;
        assert!(output.code == 2 && output.stderr.contains("no version table was found"), "{command}: {output:?}");
    }
}
