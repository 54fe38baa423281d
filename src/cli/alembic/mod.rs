//! `pgwarden alembic`: what the code expects, what a database has, and whether they agree.

mod current;
mod expected;
mod heads;
mod history;
mod manifest;
mod status;
mod tables;
mod text;

use super::Outcome;

/// Compare databases with Alembic's revision files, without running Python.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Heads(heads::Args),
    History(history::Args),
    Current(current::Args),
    Status(status::Args),
    Manifest(manifest::Args),
}

pub(super) async fn run(args: Args) -> anyhow::Result<Outcome> {
    match args.command {
        Command::Heads(args) => heads::run(&args),
        Command::History(args) => history::run(&args),
        Command::Current(args) => current::run(args).await,
        Command::Status(args) => status::run(args).await,
        Command::Manifest(args) => manifest::run(&args),
    }
}
