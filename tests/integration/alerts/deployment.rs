//! The example stack under deploy/.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;
use tokio::process::Command;

use super::rules::{folder, read, rule_files};
use super::run;

/// Every file below a folder that ends in `.yaml`.
fn yaml_below(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| if path.is_dir() { yaml_below(&path) } else { vec![path] })
        .filter(|path| path.extension().is_some_and(|it| it == "yaml"))
        .collect()
}

#[test]
fn every_file_of_yaml_is_one() {
    let files = yaml_below(&folder("deploy"));
    assert!(files.len() > 4, "{files:?}");
    for path in files {
        let text = fs::read_to_string(&path).unwrap();
        for document in yaml_serde::Deserializer::from_str(&text) {
            let document = Value::deserialize(document).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            assert!(document.is_object(), "{}", path.display());
        }
    }
}

#[tokio::test]
async fn prometheus_takes_its_configuration_with_every_rule_file() {
    let path = folder("deploy/prometheus.yaml");
    run("promtool", &["check", "config"], std::slice::from_ref(&path)).await;
    let named = read::<Value>(&path)["rule_files"].clone();
    let named: BTreeSet<PathBuf> = named.as_array().unwrap().iter().map(|it| it.as_str().unwrap().into()).collect();
    let files = rule_files().into_iter().map(|path| Path::new("../alerts").join(path.file_name().unwrap()));
    assert_eq!(named, files.collect());
}

#[tokio::test]
async fn the_rule_of_the_operator_is_made_of_the_present_rules() {
    let made = tempfile::NamedTempFile::new().unwrap();
    let status = Command::new(folder("deploy/kubernetes/build")).arg(made.path()).status().await.unwrap();
    assert!(status.success());
    let present = folder("deploy/kubernetes/prometheusrule.yaml");
    assert!(
        fs::read_to_string(made.path()).unwrap() == fs::read_to_string(&present).unwrap(),
        "deploy/kubernetes/prometheusrule.yaml is out of date: deploy/kubernetes/build"
    );
    let groups = read::<Value>(&present)["spec"]["groups"].as_array().unwrap().clone();
    let of_files = rule_files().into_iter().flat_map(|path| read::<Value>(&path)["groups"].as_array().unwrap().clone());
    assert_eq!(groups, of_files.collect::<Vec<_>>());
}

#[tokio::test]
async fn systemd_finds_nothing_in_the_unit() {
    let installed = "/usr/local/bin/pgwarden";
    let unit = fs::read_to_string(folder("deploy/systemd/pgwarden.service")).unwrap();
    assert!(unit.contains(installed));
    let temporary = tempfile::tempdir().unwrap();
    let path = temporary.path().join("pgwarden.service");
    // It would miss the program, which is where it was built.
    fs::write(&path, unit.replace(installed, env!("CARGO_BIN_EXE_pgwarden"))).unwrap();
    let output = Command::new("systemd-analyze").args(["verify", "--man=no"]).arg(&path).output().await.unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && !said.contains("pgwarden.service"), "{said}");
}
