//! The binary under test, run to its end.

use std::ffi::OsStr;
use std::process::Stdio;

use tokio::process::{Child, Command};

use super::PATIENCE;

/// One run of `pgwarden`, in an environment that holds nothing about databases but what the test gives.
#[derive(Debug)]
pub struct Pgwarden(Command);

/// How a run ended.
#[derive(Debug)]
pub struct Output {
    /// Its exit code.
    pub code: i32,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

impl Output {
    /// The one JSON object on standard output.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("not JSON ({error}): {self:?}"))
    }
}

impl Pgwarden {
    /// With the arguments of the command line.
    pub fn new(arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pgwarden"));
        command.args(arguments).stdin(Stdio::null()).kill_on_drop(true);
        for (name, _) in std::env::vars_os() {
            if name == "DATABASE_URL" || name.as_encoded_bytes().starts_with(b"PG") {
                command.env_remove(name);
            }
        }
        Self(command)
    }

    /// Sets a variable of its environment.
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.0.env(name, value);
        self
    }

    /// Runs it to its end.
    pub async fn run(mut self) -> Output {
        let end = tokio::time::timeout(PATIENCE, self.0.output()).await;
        let output = end.unwrap_or_else(|_| panic!("{self:?} takes too long")).expect("pgwarden can be run");
        Output {
            code: output.status.code().expect("pgwarden exits by itself"),
            stdout: String::from_utf8(output.stdout).expect("standard output is UTF-8"),
            stderr: String::from_utf8(output.stderr).expect("standard error is UTF-8"),
        }
    }

    /// Starts it; what it prints is read from the child.
    pub fn start(mut self) -> Child {
        self.0.stdout(Stdio::piped()).spawn().expect("pgwarden can be run")
    }

    /// The command itself, for a run in the background.
    pub(super) fn into_command(self) -> Command {
        self.0
    }
}
