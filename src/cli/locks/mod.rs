//! `pgwarden locks`: which migrations are stuck, and who waits for whom.

mod human;
mod migration;
mod report;
pub(super) mod text;
mod tree;
mod watch;

use std::io::ErrorKind::BrokenPipe;
use std::io::{self, IsTerminal, Write};
use std::time::{Duration, UNIX_EPOCH};

use anstyle::{AnsiColor, Style};

use super::Outcome;
use super::output::Format;
use super::source::Source;
use crate::locks::{Evidence, Judgement};
pub(super) use watch::Watch;

/// Rounds without a pause would be a load of their own.
const MIN_INTERVAL: Duration = Duration::from_millis(100);

const BAD: Style = AnsiColor::Red.on_default().bold();
const GOOD: Style = AnsiColor::Green.on_default();
const LESS: Style = AnsiColor::Yellow.on_default();
const FAINT: Style = Style::new().dimmed();

/// Show which migrations are stuck and who is in their way, and the tree of who waits for whom.
///
/// The whole server is looked at, whichever database is given. Exits 0 when no migration is stuck, 1 when one is, 2 when
/// that cannot be told: the server is not reached, or our role sees too little.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    source: Source,

    /// Form of the output
    #[arg(long, value_enum, default_value_t)]
    format: Format,

    /// How long a migration waits before it is stuck [default: 5s, or what the configuration says]
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    stuck_after: Option<Duration>,

    /// Look twice, this far apart, to see whether a running migration makes progress
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration, conflicts_with = "watch")]
    sample: Option<Duration>,

    /// Look again and again, until interrupted, at most ten times a second
    #[arg(long, value_name = "INTERVAL", value_parser = humantime::parse_duration, num_args = 0..=1, default_missing_value = "2s")]
    watch: Option<Duration>,

    /// Do not show the text of statements
    #[arg(long)]
    no_query_text: bool,
}

pub(super) async fn run(args: Args) -> anyhow::Result<Outcome> {
    let mut watch = Watch::open(&args.source, args.stuck_after).await?;
    let Some(interval) = args.watch else {
        let (evidence, judgement) = watch.once(args.sample).await?;
        return show(&args, watch.role(), &evidence, &judgement);
    };
    match keep_watching(&args, &mut watch, interval).await {
        // Whoever has read enough has closed the pipe.
        Err(error) if error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == BrokenPipe) => {
            Ok(Outcome::Fine)
        }
        ended => ended,
    }
}

async fn keep_watching(args: &Args, watch: &mut Watch, interval: Duration) -> anyhow::Result<Outcome> {
    loop {
        match watch.round().await {
            Ok((evidence, judgement)) => {
                if args.format == Format::Human {
                    begin_screen(evidence.taken_at)?;
                }
                show(args, watch.role(), &evidence, &judgement)?;
            }
            // A server that was restarted comes back.
            Err(error) => anstream::eprintln!("pgwarden: {error:#}"),
        }
        tokio::time::sleep(interval.max(MIN_INTERVAL)).await;
    }
}

/// Says when a round was taken, on a terminal in the place of the last one.
fn begin_screen(taken_at: f64) -> io::Result<()> {
    let mut output = anstream::stdout();
    // Home, and clear what the last round left; without a terminal, an empty line.
    let start = if io::stdout().is_terminal() { "\x1b[H\x1b[2J" } else { "\n" };
    let taken_at = UNIX_EPOCH + Duration::try_from_secs_f64(taken_at).unwrap_or_default();
    writeln!(output, "{start}{FAINT}{}{FAINT:#}", humantime::format_rfc3339_seconds(taken_at))
}

fn show(args: &Args, role: &str, evidence: &Evidence, judgement: &Judgement) -> anyhow::Result<Outcome> {
    let stuck = judgement.migrations.iter().any(|migration| migration.kind.is_some());
    match args.format {
        Format::Human => human::print(evidence, judgement, role, !args.no_query_text),
        Format::Json => {
            let report = report::Report::new(evidence, judgement, !args.no_query_text);
            writeln!(anstream::stdout(), "{}", serde_json::to_string(&report)?)?;
        }
    }
    Ok(match (stuck, evidence.visibility.is_complete()) {
        (true, _) => Outcome::Finding,
        (false, true) => Outcome::Fine,
        (false, false) => Outcome::CouldNotTell,
    })
}
