//! The dashboards: built from their sources, sound, on metrics that exist, with data in every panel.

mod expressions;
mod schema;
mod shown;
mod sound;
mod stage;

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// The folder of the dashboards.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("dashboards")
}

/// Every dashboard, as Grafana reads it.
pub fn all() -> Vec<Value> {
    let files = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let texts = files.filter(|path| path.extension().is_some_and(|extension| extension == "json"));
    let dashboards: Vec<_> =
        texts.map(|path| serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap()).collect();
    assert!(dashboards.len() >= 4, "only {} dashboards", dashboards.len());
    dashboards
}

pub fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value[name].as_array().unwrap_or_else(|| panic!("no list {name} in {value}"))
}

pub fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_else(|| panic!("no text {name} in {value}"))
}

/// The panels of a dashboard that show something.
pub fn panels(dashboard: &Value) -> impl Iterator<Item = &Value> {
    list(dashboard, "panels").iter().filter(|panel| panel["type"] != "row")
}

/// Its variables that are values of labels.
pub fn label_variables(dashboard: &Value) -> impl Iterator<Item = &Value> {
    list(&dashboard["templating"], "list").iter().filter(|variable| variable["type"] == "query")
}

#[test]
fn the_files_are_what_the_sources_say() {
    let check = Command::new(folder().join("build")).arg("--check").output().unwrap();
    assert!(check.status.success(), "{}", String::from_utf8_lossy(&check.stderr));
}
