//! Cleaning up when the test process ends, in whatever way it ends.

use std::ffi::OsStr;
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, Command, Stdio};

/// A shell that waits for the other end of its pipe to close and then runs a script.
///
/// Dropping it runs the script and waits for it. `kill -9` of the test process closes the pipe just as well, and the shell
/// stands in a process group of its own, so that Ctrl-C does not reach it.
#[derive(Debug)]
pub struct Watchdog {
    shell: Child,
    pipe: Option<ChildStdin>,
}

impl Watchdog {
    /// `script` sees `arguments` as `$1`, `$2`...
    pub fn new(script: &str, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        let mut shell = Command::new("sh")
            .args(["-c", &format!("cat; {script}"), "watchdog"])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .current_dir("/")
            .process_group(0)
            .spawn()
            .expect("sh starts");
        let pipe = shell.stdin.take();
        Self { shell, pipe }
    }

    /// Ends the watchdog without its script.
    pub fn dismiss(mut self) {
        self.shell.kill().expect("the watchdog can be killed");
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        drop(self.pipe.take());
        let _ = self.shell.wait();
    }
}
