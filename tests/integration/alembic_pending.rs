//! Unsafe operations in pending revisions, as metrics: their severity follows the live tables.

use crate::alembic_metrics::{application, expect, watch};
use crate::support::{Cluster, Database, PATIENCE, Pgwarden, Project, Role, Round, Session, Watcher, on_majors};

const INDEX: &str = "from alembic import op\ndef upgrade():\n    op.execute(\"SET lock_timeout = '5s'\")\n    op.create_index('orders_note', 'orders', ['note'])\ndef downgrade():\n    op.drop_index('orders_note')\n";
const CREATE: &str = "from alembic import op\nimport sqlalchemy as sa\ndef upgrade():\n    op.create_table('orders', sa.Column('id', sa.Integer()), sa.Column('note', sa.Text()))\ndef downgrade():\n    op.drop_table('orders')\n";

/// `aaaa`, then `bbbb`, which adds an index to the table `orders`; `aaaa` is applied.
fn project<'a>(database: &'a Database<'a>) -> Project<'a> {
    let project = Project::new(database, &[("aaaa", "None", CREATE), ("bbbb", "'aaaa'", INDEX)]);
    project.alembic(&["upgrade", "aaaa"]);
    project
}

/// Adds rows of a kilobyte, and has the server count them.
async fn fill(session: &Session, table: &str, rows: u32) {
    session
        .execute(&format!("INSERT INTO {table} SELECT n, repeat('many', 250) FROM generate_series(1, {rows}) n"))
        .await;
    session.execute(&format!("ANALYZE {table}")).await;
}

fn findings(round: &Round, schema: &str) -> [Option<f64>; 3] {
    let of = |severity| [schema, "alembic_version", "shop", severity];
    ["error", "warning", "info"].map(|severity| round.number("pgwarden_alembic_pending_findings", &of(severity)))
}

fn has(round: &Round, schema: &str, severity: &str) -> bool {
    let names = [schema, "alembic_version", "shop", "bbbb", "create-index", severity, schema, "orders"];
    round.number("pgwarden_alembic_pending_finding_info", &names) == Some(1.0)
}

on_majors! {
    [pg13 = 13, pg18 = 18]

    async fn an_index_on_a_small_table_is_fine_and_on_a_large_one_is_not(major: Major) {
        let database = Cluster::shared(major).database().await;
        let project = project(&database);
        let session = database.session().await;
        fill(&session, "orders", 40).await;
        let mut watcher = watch(&project).await;
        let round = watcher.round("alembic").await;
        assert_eq!(findings(&round, "public"), [Some(0.0), Some(0.0), Some(1.0)]);
        assert!(has(&round, "public", "info"));
        fill(&session, "orders", 20_000).await;
        let round = watcher.round("alembic").await;
        assert_eq!(findings(&round, "public"), [Some(1.0), Some(0.0), Some(0.0)]);
        assert!(has(&round, "public", "error"));
        project.alembic(&["upgrade", "heads"]);
        let round = watcher.round("alembic").await;
        assert_eq!(findings(&round, "public"), [Some(0.0), Some(0.0), Some(0.0)]);
        assert!(round.series("pgwarden_alembic_pending_finding_info").is_empty());
    }

    async fn a_manifest_says_what_waits_as_the_files_do(major: Major) {
        let database = Cluster::shared(major).database().await;
        let project = project(&database);
        let session = database.session().await;
        fill(&session, "orders", 20_000).await;
        let (scripts, manifest) = (project.path().display().to_string(), project.path().join("manifest.json"));
        let arguments = ["alembic", "manifest", "--scripts", &scripts, "--output", &manifest.display().to_string()];
        assert_eq!(Pgwarden::new(arguments).run().await.code, 0);
        let mut watcher = Watcher::open(&database, Role::Superuser).await;
        let shop = format!("[[alembic.applications]]\nname = 'shop'\nmanifest = '{}'\n", manifest.display());
        expect(&mut watcher, &shop).await;
        let round = watcher.round("alembic").await;
        assert_eq!(findings(&round, "public"), [Some(1.0), Some(0.0), Some(0.0)]);
        assert!(has(&round, "public", "error"));
    }

    async fn a_small_table_that_is_written_all_the_time_is_not_fine(major: Major) {
        let database = Cluster::shared(major).database().await;
        let project = project(&database);
        let session = database.session().await;
        fill(&session, "orders", 40).await;
        let mut watcher = watch(&project).await;
        assert!(has(&watcher.round("alembic").await, "public", "info"));
        // The counters reach the statistics when the session that wrote is idle, at the latest when it ends.
        let writer = database.session().await;
        for _ in 0..50 {
            writer.execute("UPDATE orders SET id = id").await;
        }
        drop(writer);
        session.wait_until_holds("SELECT pg_stat_get_tuples_updated('orders'::regclass) >= 2000", PATIENCE).await;
        assert!(has(&watcher.round("alembic").await, "public", "error"));
    }

    async fn a_table_that_pending_revisions_make_themselves_is_no_risk(major: Major) {
        let database = Cluster::shared(major).database().await;
        let project = Project::new(&database, &[("aaaa", "None", CREATE), ("bbbb", "'aaaa'", INDEX)]);
        database.session().await.execute("CREATE TABLE alembic_version (version_num text)").await;
        let round = watch(&project).await.round("alembic").await;
        let [errors, ..] = findings(&round, "public");
        assert_eq!(errors, Some(0.0));
        assert!(!["error", "warning", "info"].iter().any(|severity| has(&round, "public", severity)));
    }

    async fn each_tenants_own_table_counts(major: Major) {
        let database = Cluster::shared(major).database().await;
        let project = project(&database);
        let session = database.session().await;
        for (tenant, rows) in [("small", 40), ("large", 20_000)] {
            session.execute(&format!(
                "CREATE SCHEMA {tenant}; CREATE TABLE {tenant}.orders (id int, note text);
                 CREATE TABLE {tenant}.alembic_version AS SELECT * FROM public.alembic_version"
            )).await;
            fill(&session, &format!("{tenant}.orders"), rows).await;
        }
        let mut watcher = Watcher::open(&database, Role::Superuser).await;
        expect(&mut watcher, &application("shop", &project, "schemas = ['small', 'large']")).await;
        let round = watcher.round("alembic").await;
        assert!(has(&round, "small", "info") && has(&round, "large", "error"));
        assert_eq!(round.series("pgwarden_alembic_pending_finding_info").len(), 2);
    }
}
