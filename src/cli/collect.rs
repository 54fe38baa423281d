//! `pgwarden collect`: one round of every collector, as a scrape would show it.

use super::Outcome;
use super::source::Source;
use crate::metric::encode::{self, Format};
use crate::runner::{self, Shared, status};

/// Run every collector once and print the metrics in Prometheus' text format.
///
/// Exits 0 when every collector succeeded, 2 when one did not: the metrics say which.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    source: Source,
}

pub(super) async fn run(args: Args) -> anyhow::Result<Outcome> {
    let shared = Shared::default();
    runner::once(args.source.load()?, &shared).await;
    for piece in shared.published.pieces(Format::Text) {
        anstream::print!("{}", String::from_utf8_lossy(&piece.plain));
    }
    let mut own = String::new();
    for family in status::families(&shared, None) {
        encode::header(family.definition, Format::Text, &mut own);
        encode::lines(&family, &[], &mut own);
    }
    anstream::print!("{own}");
    let overview = shared.published.overview();
    let mut rounds = overview.rounds.values();
    let all_good = rounds.all(|rounds| rounds.succeeded == Some(true));
    Ok(if all_good { Outcome::Fine } else { Outcome::CouldNotTell })
}
