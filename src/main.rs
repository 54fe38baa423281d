//! The `pgwarden` binary: everything is in the library, this only maps to an exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    pgwarden::cli::main()
}
