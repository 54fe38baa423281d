//! The real Alembic.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What `tests/fetch-alembic` has put there.
fn fetched() -> PathBuf {
    let fetched = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/alembic");
    assert!(fetched.join("venv/requirements").exists(), "Alembic is not there; run tests/fetch-alembic");
    fetched
}

/// A Python that has Alembic.
pub fn python() -> Command {
    let mut command = Command::new(fetched().join("venv/bin/python"));
    command.stdin(Stdio::null()).env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

/// A folder of a package from PyPI.
pub fn package(path: &str) -> PathBuf {
    let folder = fetched().join("packages").join(path);
    assert!(folder.exists(), "{path} is not there; run tests/fetch-alembic");
    folder
}

/// Runs a command that must succeed and returns its standard output.
pub fn output(command: &mut Command) -> String {
    let output = command.output().expect("the command can be run");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {error}");
    String::from_utf8(output.stdout).expect("standard output is UTF-8")
}
