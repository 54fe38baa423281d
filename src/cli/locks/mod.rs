//! `pgwarden locks`: which migrations are stuck, and who waits for whom.

mod report;
mod tree;

use std::io::IsTerminal;
use std::time::Duration;

use super::Outcome;
use super::output::Format;
use super::source::Source;
use crate::collectors::observer::Observer;
use crate::config::{Config, Databases, Target};
use crate::locks::{Evidence, Judgement, Settings, judge};
use crate::postgres::{Budget, Session};

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

    /// Look again and again, until interrupted
    #[arg(long, value_name = "INTERVAL", value_parser = humantime::parse_duration, num_args = 0..=1, default_missing_value = "2s")]
    watch: Option<Duration>,

    /// Do not show the text of statements
    #[arg(long)]
    no_query_text: bool,
}

/// How long one round may take.
const ROUND: Duration = Duration::from_secs(10);

pub(super) async fn run(args: Args) -> anyhow::Result<Outcome> {
    let mut watch = Watch::open(&args).await?;
    let Some(interval) = args.watch else {
        let (evidence, judgement) = watch.once(args.sample).await?;
        return show(&args, &evidence, &judgement);
    };
    loop {
        let (evidence, judgement) = watch.round().await?;
        if std::io::stdout().is_terminal() && args.format == Format::Human {
            // Home, and clear what the last round left.
            anstream::print!("\x1b[H\x1b[2J");
        }
        show(&args, &evidence, &judgement)?;
        tokio::time::sleep(interval).await;
    }
}

/// A server that is looked at from the command line.
struct Watch {
    session: Session,
    observer: Observer,
    config: Config,
    settings: Settings,
}

impl Watch {
    async fn open(args: &Args) -> anyhow::Result<Self> {
        let (config, target) = args.source.load_target()?;
        let Target { connection, .. } = &target;
        let session = Session::open(connection, &connection.dbname, &config.sessions, &Budget::exporter(1)).await?;
        let mut settings = Settings::from(&config.migrations);
        if let Some(stuck_after) = args.stuck_after {
            settings.stuck_after = stuck_after.as_secs_f64();
        }
        Ok(Self { session, observer: Observer::default(), config, settings })
    }

    /// One look; or two, when that was asked for or when the first one leaves open how long something has lasted.
    async fn once(&mut self, sample: Option<Duration>) -> anyhow::Result<(Evidence, Judgement)> {
        let first = self.round().await?;
        let stuck_after = Duration::from_secs_f64(self.settings.stuck_after);
        let pause = match sample {
            Some(sample) => sample.max(stuck_after),
            None if first.1.unconfirmed => stuck_after,
            None => return Ok(first),
        };
        tokio::time::sleep(pause).await;
        self.round().await
    }

    async fn round(&mut self) -> anyhow::Result<(Evidence, Judgement)> {
        self.session.start_round(ROUND);
        // Whoever asks who is in the way of a migration asks about the server, not about one database of it.
        let everything = Databases::all();
        let evidence = self.observer.round(&mut self.session, &everything, &self.config.alembic).await?;
        let judgement = judge(&evidence, self.observer.history(), &self.settings);
        Ok((evidence, judgement))
    }
}

fn show(args: &Args, evidence: &Evidence, judgement: &Judgement) -> anyhow::Result<Outcome> {
    let stuck = judgement.migrations.iter().any(|migration| migration.kind.is_some());
    match args.format {
        Format::Human => tree::print(evidence, judgement, !args.no_query_text),
        Format::Json => {
            let report = report::Report::new(evidence, judgement, !args.no_query_text);
            anstream::println!("{}", serde_json::to_string(&report)?);
        }
    }
    Ok(match (stuck, evidence.visibility.is_complete()) {
        (true, _) => Outcome::Finding,
        (false, true) => Outcome::Fine,
        (false, false) => Outcome::CouldNotTell,
    })
}
