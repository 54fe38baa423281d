//! The graph and every judgement, compared with Alembic's own.

use std::path::{Path, PathBuf};

use pgwarden::alembic::graph::Graph;
use pgwarden::alembic::judge::{Judgement, judge};
use pgwarden::alembic::manifest;
use pgwarden::alembic::operations::Operations;
use pgwarden::alembic::scripts::{Scripts, Source};
use serde::Deserialize;

use crate::support::{Pgwarden, package, python, python_output};

/// What `compare.py` says about one set of files.
#[derive(Debug, Deserialize)]
struct Alembic {
    locations: Vec<PathBuf>,
    /// Alembic cannot load the files.
    error: Option<String>,
    /// What Alembic lets pass and we do not: `dynamic`, `duplicate`, `cycle`.
    expect: Option<String>,
    #[serde(default)]
    revisions: usize,
    #[serde(default)]
    heads: Vec<String>,
    #[serde(default)]
    effective_heads: Vec<String>,
    #[serde(default)]
    bases: Vec<String>,
    /// The order of an upgrade is the same at every run of Alembic.
    #[serde(default)]
    ordered: bool,
    #[serde(default)]
    tables: Vec<Table>,
}

/// Rows of a version table and what Alembic would do with them.
#[derive(Debug, Deserialize)]
struct Table {
    rows: Vec<String>,
    state: String,
    pending: Option<Vec<String>>,
    /// Every upgrade fails because of superfluous rows; `pending` is not in order then.
    #[serde(default)]
    overlaps: bool,
}

fn ask(arguments: &[&str]) -> Vec<Alembic> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/alembic/compare.py");
    let lines = python_output(python().arg(script).args(arguments));
    lines.lines().map(|line| serde_json::from_str(line).expect("a line of compare.py is JSON")).collect()
}

fn load(locations: &[PathBuf]) -> std::sync::Arc<Graph> {
    let source = Source::Folders { folders: locations.to_vec(), recursive: false };
    Scripts::new(source).refresh().expect("the folders are there")
}

/// Fails unless we say the same as Alembic. Returns the number of compared judgements.
fn compare(alembic: &Alembic) -> usize {
    let graph = load(&alembic.locations);
    let place = format!("{:?} (Alembic: {:?}, {:?})", alembic.locations, alembic.error, alembic.expect);
    assert_eq!(
        graph.is_sound(),
        alembic.error.is_none() && alembic.expect.is_none(),
        "{place}: {:?} {:?}",
        graph.findings(),
        graph.unparsable()
    );
    match alembic.expect.as_deref() {
        Some("dynamic") => assert_eq!(graph.unparsable().len(), 1, "{place}"),
        Some("duplicate" | "cycle") => {
            assert!(graph.findings().iter().any(|finding| finding.kind().contains(expected_kind(alembic))), "{place}");
        }
        _ => {}
    }
    if !graph.is_sound() {
        assert!(judge(&graph, Some(&[])).is_err(), "{place}");
        return 1;
    }
    assert_eq!(graph.len(), alembic.revisions, "{place}");
    assert_eq!(graph.sorted_ids(graph.heads()), alembic.heads, "{place}");
    assert_eq!(graph.sorted_ids(graph.effective_heads()), alembic.effective_heads, "{place}");
    assert_eq!(graph.sorted_ids(graph.bases()), alembic.bases, "{place}");
    let json = manifest::write(&graph, &Operations::default()).expect("a graph can be written");
    let copy = manifest::read(json.as_bytes()).expect("it can be read").graph;
    for table in &alembic.tables {
        for graph in [&*graph, &copy] {
            let judgement = judge(graph, Some(&table.rows)).expect("a sound graph judges");
            compare_table(graph, &judgement, table, alembic.ordered, &place);
        }
    }
    alembic.tables.len()
}

fn expected_kind(alembic: &Alembic) -> &str {
    alembic.expect.as_deref().unwrap_or_default()
}

fn compare_table(graph: &Graph, judgement: &Judgement, table: &Table, ordered: bool, place: &str) {
    let place = format!("{place}, rows {:?}", table.rows);
    assert_eq!(judgement.state.name(), table.state, "{place}");
    assert_eq!(judgement.overlapping.is_empty() || judgement.pending.is_none(), !table.overlaps, "{place}");
    let (Some(ours), Some(theirs)) = (&judgement.pending, &table.pending) else {
        assert_eq!(judgement.pending, table.pending, "{place}");
        return;
    };
    if ordered && !table.overlaps {
        assert_eq!(ours, theirs, "{place}");
    }
    let sorted = |ids: &[String]| graph.sorted_ids(ids.iter().filter_map(|id| graph.position(id)));
    assert_eq!(sorted(ours), sorted(theirs), "{place}");
}

/// More with `PGWARDEN_ALEMBIC_GRAPHS`.
#[test]
fn generated_graphs_are_judged_as_alembic_does() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let count = std::env::var("PGWARDEN_ALEMBIC_GRAPHS").unwrap_or_else(|_| "600".to_owned());
    let graphs = ask(&["generate", &folder.path().display().to_string(), &count, "1"]);
    assert_eq!(graphs.len().to_string(), count);
    let judgements: usize = graphs.iter().map(compare).sum();
    assert!(judgements > 10 * graphs.len(), "{judgements} judgements is too few to mean something");
    assert!(graphs.iter().filter(|graph| graph.error.is_some()).count() > graphs.len() / 10);
}

#[tokio::test]
async fn folders_of_published_packages_are_read_as_alembic_does() {
    for (folder, locations) in [
        ("apache-superset/superset/migrations", &["versions"][..]),
        ("apache-airflow-core/airflow/migrations", &["versions"]),
        ("mlflow/mlflow/store/db_migrations", &["versions"]),
        ("mlflow/mlflow/server/auth/db/migrations", &["versions"]),
        ("dagster/dagster/_core/storage/alembic", &["versions"]),
        ("jupyterhub/jupyterhub/alembic", &["versions"]),
        ("galaxy-data/galaxy/model/migrations/alembic", &["versions_gxy"]),
        ("galaxy-data/galaxy/model/migrations/alembic", &["versions_gxy", "versions_tsi"]),
    ] {
        let package = package(folder).display().to_string();
        let arguments: Vec<&str> = ["folder", &package].into_iter().chain(locations.iter().copied()).collect();
        let said = ask(&arguments);
        let [alembic] = said.as_slice() else { panic!("{folder}: {said:?}") };
        assert_eq!(alembic.error, None, "{folder}");
        compare(alembic);
        let scripts =
            alembic.locations.iter().flat_map(|location| ["--scripts".into(), location.clone().into_os_string()]);
        let arguments = ["alembic", "heads", "--format", "json"].into_iter().map(Into::into).chain(scripts);
        let report = Pgwarden::new(arguments.collect::<Vec<std::ffi::OsString>>()).run().await;
        let json = report.json();
        assert_eq!(json["revisions"], alembic.revisions, "{folder}");
        assert_eq!(json["heads"], serde_json::json!(alembic.heads), "{folder}");
        assert_eq!(json["effective_heads"], serde_json::json!(alembic.effective_heads), "{folder}");
        assert_eq!(json["bases"], serde_json::json!(alembic.bases), "{folder}");
        assert_eq!(json["unparsable"], serde_json::json!([]), "{folder}");
        assert_eq!(report.code, i32::from(alembic.effective_heads.len() > 1), "{folder}");
    }
}
