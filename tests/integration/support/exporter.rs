//! `pgwarden serve` in the background, and what it answers over HTTP.

use std::fs::{self, File};
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio::process::Child;

use super::watchdog::Watchdog;
use super::{Exposition, PATIENCE, Pgwarden, free_port, wait_until};

/// A running exporter; it ends when it is dropped or when the test process ends.
#[derive(Debug)]
pub struct Exporter {
    /// Where it listens: `http://127.0.0.1:PORT`.
    pub url: String,
    folder: TempDir,
    client: reqwest::Client,
    // Dropped first: it kills the process while its id cannot have been given to another one.
    watchdog: Watchdog,
    process: Child,
}

/// An HTTP answer.
#[derive(Debug)]
pub struct Response {
    /// Its status code.
    pub status: u16,
    /// Its headers.
    pub headers: reqwest::header::HeaderMap,
    /// Its body as it came, compressed if it was asked for so.
    pub body: Vec<u8>,
    /// From the request to the last byte of the body.
    pub duration: Duration,
}

impl Response {
    /// The body as text.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("the body is UTF-8")
    }
}

impl Exporter {
    /// Starts an exporter with a configuration file and waits until it is ready.
    pub async fn start(config: &str) -> Self {
        let mut exporter = Self::launch(config);
        exporter.wait_until_ready().await;
        exporter
    }

    /// Starts an exporter without waiting for anything.
    pub fn launch(config: &str) -> Self {
        let address = format!("127.0.0.1:{}", free_port());
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        fs::write(folder.path().join("config.toml"), config).expect("the configuration can be written");
        let (watchdog, process) = spawn(&folder, &address);
        Self { url: format!("http://{address}"), client: reqwest::Client::new(), watchdog, folder, process }
    }

    /// Starts one that was killed again, at the same address, and waits until it is ready.
    pub async fn restart(&mut self) {
        (self.watchdog, self.process) = spawn(&self.folder, self.url.trim_start_matches("http://"));
        self.wait_until_ready().await;
    }

    /// Waits for `/-/ready`: the first round is over.
    pub async fn wait_until_ready(&mut self) {
        let url = format!("{}/-/ready", self.url);
        let Self { client, process, folder, .. } = self;
        wait_until("the exporter is ready", PATIENCE, async || {
            if let Some(status) = process.try_wait().expect("the exporter can be asked for") {
                panic!("the exporter ended with {status}:\n{}", log(folder));
            }
            client.get(&url).send().await.is_ok_and(|response| response.status().is_success())
        })
        .await;
    }

    /// Gets a path, `/metrics` for example, with headers.
    pub async fn get(&self, path: &str, headers: &[(&str, &str)]) -> Response {
        self.request(reqwest::Method::GET, path, headers).await
    }

    /// Makes a request.
    pub async fn request(&self, method: reqwest::Method, path: &str, headers: &[(&str, &str)]) -> Response {
        let start = Instant::now();
        let mut request = self.client.request(method, format!("{}{path}", self.url)).timeout(PATIENCE);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.send().await.unwrap_or_else(|error| panic!("{path}: {error}\n{}", self.log()));
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = response.bytes().await.expect("the body arrives").to_vec();
        Response { status, headers, body, duration: start.elapsed() }
    }

    /// What `/metrics` says now.
    pub async fn metrics(&self) -> Exposition {
        let response = self.get("/metrics", &[]).await;
        assert_eq!(response.status, 200, "{}", response.text());
        Exposition::parse(response.text())
    }

    /// Replaces the configuration file; the exporter sees it when it is told to reload.
    pub fn configure(&self, config: &str) {
        fs::write(self.folder.path().join("config.toml"), config).expect("the configuration can be written");
    }

    /// Sends a signal, `HUP` for example.
    pub fn signal(&self, name: &str) {
        let pid = self.process.id().expect("the exporter runs").to_string();
        let status = std::process::Command::new("kill").args(["-s", name, &pid]).status();
        assert!(status.expect("kill can be run").success());
    }

    /// Asks it to end with SIGTERM; how it ended and how long that took.
    pub async fn stop(mut self) -> (ExitStatus, Duration) {
        let start = Instant::now();
        self.signal("TERM");
        self.watchdog.dismiss();
        let end = tokio::time::timeout(PATIENCE, self.process.wait()).await;
        (end.expect("the exporter ends in time").expect("its end can be seen"), start.elapsed())
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.process.id().expect("the exporter runs")
    }

    /// What it has written to standard output and standard error.
    pub fn log(&self) -> String {
        log(&self.folder)
    }
}

/// Runs `pgwarden serve` with the configuration in a folder.
fn spawn(folder: &TempDir, address: &str) -> (Watchdog, Child) {
    let path = folder.path().join("config.toml");
    let log = || File::options().create(true).append(true).open(folder.path().join("log")).expect("the log opens");
    let arguments = ["serve".as_ref(), "--listen".as_ref(), address.as_ref(), "--config".as_ref(), path.as_os_str()];
    let mut command = Pgwarden::new(arguments).into_command();
    let process = command.stdout(log()).stderr(log()).spawn().expect("pgwarden can be run");
    let pid = process.id().expect("it has just been started").to_string();
    (Watchdog::new(r#"kill -KILL "$1""#, [pid]), process)
}

fn log(folder: &TempDir) -> String {
    fs::read_to_string(folder.path().join("log")).unwrap_or_default()
}
