//! Alertmanager itself.

use std::fs::{self, File};
use std::process::Stdio;

use serde_json::Value;
use tempfile::TempDir;
use tokio::process::{Child, Command};

use super::watchdog::Watchdog;
use super::{PATIENCE, free_port, wait_until};

/// A running Alertmanager with a folder of its own; it ends when it is dropped or when the test process ends.
#[derive(Debug)]
pub struct Alertmanager {
    /// Where it listens: `127.0.0.1:PORT`.
    pub address: String,
    folder: TempDir,
    _watchdog: Watchdog,
    _process: Child,
}

impl Alertmanager {
    /// Starts it with a configuration, YAML, and waits until it answers.
    pub async fn start(config: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        fs::write(folder.path().join("alertmanager.yml"), config).expect("the configuration can be written");
        let log = File::create(folder.path().join("log")).expect("the log opens");
        let address = format!("127.0.0.1:{}", free_port());
        let mut command = Command::new("prometheus-alertmanager");
        command.current_dir(folder.path()).kill_on_drop(true).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        // Without an address of a cluster it looks for no others.
        command.args(["--config.file=alertmanager.yml", "--storage.path=data", "--cluster.listen-address="]);
        let process = command.arg(format!("--web.listen-address={address}")).spawn();
        let process = process.expect("Alertmanager can be run");
        let pid = process.id().expect("it has just been started").to_string();
        let watchdog = Watchdog::new(r#"kill -KILL "$1""#, [pid]);
        let alertmanager = Self { address, folder, _watchdog: watchdog, _process: process };
        let ready = format!("http://{}/-/ready", alertmanager.address);
        wait_until("Alertmanager is ready", PATIENCE, async || {
            reqwest::get(&ready).await.is_ok_and(|response| response.status().is_success())
        })
        .await;
        alertmanager
    }

    /// The alerts that it knows and why it is silent about some: `labels`, `status.state`, `status.inhibitedBy`.
    pub async fn alerts(&self) -> Vec<Value> {
        let answer =
            reqwest::get(format!("http://{}/api/v2/alerts", self.address)).await.expect("Alertmanager answers");
        serde_json::from_slice(&answer.bytes().await.expect("the body arrives")).expect("the answer is a list")
    }

    /// What it has written to standard error.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}
