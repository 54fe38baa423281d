//! Prometheus itself, in the versions that must understand us.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::{Child, Command};

use super::watchdog::Watchdog;
use super::{PATIENCE, Sample, free_port, wait_until};

/// A version of Prometheus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Release {
    /// The one that Debian ships, 2.42.
    Debian,
    /// The one that `tests/fetch-prometheus` builds, 3.16.
    Newest,
}

impl Release {
    /// Both of them.
    pub const ALL: [Self; 2] = [Self::Debian, Self::Newest];

    /// One of its programs, `prometheus` or `promtool`.
    pub fn program(self, name: &str) -> PathBuf {
        match self {
            Self::Debian => name.into(),
            Self::Newest => Path::new(env!("CARGO_MANIFEST_DIR")).join("target/prometheus/3.16").join(name),
        }
    }
}

/// A running Prometheus with a folder of its own; it ends when it is dropped or when the test process ends.
#[derive(Debug)]
pub struct Prometheus {
    /// Where it listens: `http://127.0.0.1:PORT`.
    pub url: String,
    folder: TempDir,
    _watchdog: Watchdog,
    _process: Child,
}

impl Prometheus {
    /// Starts it with a configuration, YAML, and waits until it answers.
    pub async fn start(release: Release, config: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        fs::write(folder.path().join("prometheus.yml"), config).expect("the configuration can be written");
        let log = File::create(folder.path().join("log")).expect("the log opens");
        let address = format!("127.0.0.1:{}", free_port());
        let mut command = Command::new(release.program("prometheus"));
        command.current_dir(folder.path()).kill_on_drop(true).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        command.args(["--config.file=prometheus.yml", "--storage.tsdb.path=data"]);
        let process = command.arg(format!("--web.listen-address={address}")).spawn();
        let process = process.unwrap_or_else(|error| panic!("{release:?} Prometheus does not start: {error}"));
        let pid = process.id().expect("it has just been started").to_string();
        let prometheus = Self {
            url: format!("http://{address}"),
            _watchdog: Watchdog::new(r#"kill -KILL "$1""#, [pid]),
            folder,
            _process: process,
        };
        let ready = format!("{}/-/ready", prometheus.url);
        wait_until("Prometheus is ready", PATIENCE, async || {
            reqwest::get(&ready).await.is_ok_and(|response| response.status().is_success())
        })
        .await;
        prometheus
    }

    /// What an expression yields now.
    pub async fn query(&self, expression: &str) -> Vec<Sample> {
        let encoded = utf8_percent_encode(expression, NON_ALPHANUMERIC);
        let answer = self.get(&format!("/api/v1/query?query={encoded}")).await;
        assert_eq!(answer["status"], "success", "{expression}: {answer}");
        let found = answer["data"]["result"].as_array().unwrap_or_else(|| panic!("{expression} is not a vector"));
        found.iter().map(sample).collect()
    }

    /// The only value that an expression yields now; `None` when there is none.
    pub async fn value(&self, expression: &str) -> Option<f64> {
        let samples = self.query(expression).await;
        assert!(samples.len() <= 1, "{expression} yields {samples:?}");
        samples.first().map(|sample| sample.value)
    }

    /// What its API answers to a path, `/api/v1/rules` for example.
    pub async fn get(&self, path: &str) -> Value {
        let answer = reqwest::get(format!("{}{path}", self.url)).await.expect("Prometheus answers");
        serde_json::from_slice(&answer.bytes().await.expect("the body arrives")).expect("the answer is JSON")
    }

    /// What it has written to standard error.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

fn sample(found: &Value) -> Sample {
    let labels = found["metric"].as_object().expect("a sample has labels");
    let mut labels: BTreeMap<_, _> = labels
        .iter()
        .map(|(name, value)| (name.clone(), value.as_str().expect("a label is text").to_owned()))
        .collect();
    let value = found["value"][1].as_str().and_then(|value| value.parse().ok()).expect("a sample has a value");
    Sample { name: labels.remove("__name__").unwrap_or_default(), labels, value }
}
