//! The rule files and their unit tests, as data.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::support::promql::{Kind, Labels, Reference};

/// A folder of the project.
pub(super) fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// A rule, either way.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rule {
    pub(super) record: Option<String>,
    pub(super) alert: Option<String>,
    pub(super) expr: String,
    #[serde(rename = "for")]
    pub(super) lasting: Option<String>,
    #[serde(default)]
    pub(super) labels: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) annotations: BTreeMap<String, String>,
}

impl Rule {
    /// What it records or alerts.
    pub(super) fn name(&self) -> &str {
        self.record.as_deref().or(self.alert.as_deref()).expect("a rule records or alerts")
    }

    /// How urgent its alert is.
    pub(super) fn severity(&self) -> &str {
        self.labels.get("severity").map(String::as_str).unwrap_or_default()
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleFile {
    groups: Vec<Group>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Group {
    #[serde(rename = "name")]
    _name: String,
    rules: Vec<Rule>,
}

/// The rule files: all but the configuration of Alertmanager.
pub(super) fn rule_files() -> Vec<PathBuf> {
    yaml_files("alerts").into_iter().filter(|path| !path.ends_with("alertmanager.yaml")).collect()
}

/// The files of unit tests.
pub(super) fn test_files() -> Vec<PathBuf> {
    yaml_files("alerts/tests")
}

fn yaml_files(name: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder(name)).expect("the folder is there").map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = entries.filter(|path| path.extension().is_some_and(|it| it == "yaml")).collect();
    files.sort();
    assert!(!files.is_empty());
    files
}

/// A file of YAML.
pub(super) fn read<T: DeserializeOwned>(path: &Path) -> T {
    let text = fs::read_to_string(path).unwrap();
    yaml_serde::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every rule of every file.
pub(super) fn rules() -> Vec<Rule> {
    rule_files().iter().flat_map(|path| read::<RuleFile>(path).groups).flat_map(|group| group.rules).collect()
}

/// Every alert; one that has two severities is there twice.
pub(super) fn alerts() -> Vec<Rule> {
    rules().into_iter().filter(|rule| rule.alert.is_some()).collect()
}

/// The metrics of the exporter, and those that the recording rules make of them. Some read what others record, or what
/// they recorded themselves; so this looks until nothing new is found.
pub(super) fn reference() -> Reference {
    let mut reference = Reference::of_the_exporter();
    let recording: Vec<_> = rules().into_iter().filter(|rule| rule.record.is_some()).collect();
    for rule in &recording {
        reference.add(rule.name(), Kind::Gauge, Labels::new());
    }
    loop {
        let mut news = false;
        for rule in &recording {
            let known = reference.labels(rule.name()).cloned().unwrap_or_default();
            let found = reference.examine(&rule.expr).labels.into_iter().chain(rule.labels.keys().cloned());
            let labels: Labels = known.iter().cloned().chain(found).collect();
            news |= labels != known;
            reference.add(rule.name(), Kind::Gauge, labels);
        }
        if !news {
            return reference;
        }
    }
}

/// A file of unit tests for promtool.
#[derive(Debug, Deserialize)]
pub(super) struct TestFile {
    pub(super) tests: Vec<Test>,
}

/// A unit test.
#[derive(Debug, Deserialize)]
pub(super) struct Test {
    #[serde(default)]
    pub(super) alert_rule_test: Vec<Moment>,
}

/// What an alert is expected to be at a moment.
#[derive(Debug, Deserialize)]
pub(super) struct Moment {
    pub(super) alertname: String,
    pub(super) exp_alerts: Vec<Expected>,
}

/// An alert that fires.
#[derive(Debug, Deserialize)]
pub(super) struct Expected {
    pub(super) exp_labels: BTreeMap<String, String>,
}

/// Every moment of every unit test.
pub(super) fn moments() -> Vec<Moment> {
    let files = test_files();
    files.iter().flat_map(|path| read::<TestFile>(path).tests).flat_map(|test| test.alert_rule_test).collect()
}
