//! The command line: one file per subcommand, and the exit codes that all of them share.

mod alembic;
mod check;
mod collect;
mod lint;
mod locks;
mod metrics;
pub mod output;
mod serve;
pub mod source;
mod unblock;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// A PostgreSQL exporter that knows about migrations.
///
/// To begin: set DATABASE_URL, or libpq's variables, and run `pgwarden check`, which says what works and what to grant;
/// then `pgwarden serve`, which serves http://localhost:19187/metrics.
///
/// Exit codes: 0 fine, 1 a finding, 2 could not tell.
#[derive(Debug, Parser)]
#[command(name = "pgwarden", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(serve::Args),
    Check(check::Args),
    Collect(collect::Args),
    Locks(locks::Args),
    Metrics(metrics::Args),
    Alembic(alembic::Args),
    Unblock(unblock::Args),
    Lint(lint::Args),
}

/// What a command found, as its exit code tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing to report: exit code 0.
    Fine,
    /// Something was found: exit code 1.
    Finding,
    /// The question could not be answered, which is never the same as fine: exit code 2.
    CouldNotTell,
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        ExitCode::from(match outcome {
            Outcome::Fine => 0,
            Outcome::Finding => 1,
            Outcome::CouldNotTell => 2,
        })
    }
}

/// Parses the command line, runs the command and says how it went.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            anstream::eprintln!("pgwarden: cannot start the asynchronous runtime: {error}");
            return Outcome::CouldNotTell.into();
        }
    };
    let outcome = runtime.block_on(run(cli.command));
    // A thread that waits for a file system that hangs keeps nobody from ending.
    runtime.shutdown_background();
    match outcome {
        Ok(outcome) => outcome.into(),
        Err(error) => {
            anstream::eprintln!("pgwarden: {error:#}");
            Outcome::CouldNotTell.into()
        }
    }
}

async fn run(command: Command) -> anyhow::Result<Outcome> {
    match command {
        Command::Serve(args) => serve::run(args).await,
        Command::Check(args) => check::run(args).await,
        Command::Collect(args) => collect::run(args).await,
        Command::Locks(args) => locks::run(args).await,
        Command::Metrics(args) => Ok(metrics::run(&args)),
        Command::Alembic(args) => alembic::run(args).await,
        Command::Unblock(args) => unblock::run(args).await,
        Command::Lint(args) => lint::run(args).await,
    }
}
