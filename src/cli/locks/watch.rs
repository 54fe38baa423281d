//! A server that is looked at from the command line.

use std::time::Duration;

use crate::cli::source::Source;
use crate::collectors::migrations::Observer;
use crate::config::{Config, Databases, Target};
use crate::locks::{Evidence, Judgement, Settings, judge};
use crate::postgres::{Budget, Session};

/// How long one round may take.
const ROUND: Duration = Duration::from_secs(10);

/// How much of that may be spent on visits to databases: whoever asks by hand would rather wait than not be told.
const VISITS: Duration = Duration::from_secs(6);

/// A server that is looked at from the command line.
pub(in crate::cli) struct Watch {
    pub(in crate::cli) session: Session,
    observer: Observer,
    config: Config,
    settings: Settings,
    role: String,
}

impl Watch {
    /// Connects to the server that was chosen; `stuck_after` overrides what the configuration says.
    pub(in crate::cli) async fn open(source: &Source, stuck_after: Option<Duration>) -> anyhow::Result<Self> {
        let (config, target) = source.load_target()?;
        let Target { connection, .. } = &target;
        let session = Session::open(connection, &connection.dbname, &config.sessions, &Budget::exporter(1)).await?;
        let mut settings = Settings::from(&config.migrations);
        if let Some(stuck_after) = stuck_after {
            settings.stuck_after = stuck_after.as_secs_f64();
        }
        Ok(Self { session, observer: Observer::default(), config, settings, role: connection.user.clone() })
    }

    /// The role that looks.
    pub(super) fn role(&self) -> &str {
        &self.role
    }

    /// One look; or two, when that was asked for or when the first one leaves open how long something has lasted.
    pub(super) async fn once(&mut self, sample: Option<Duration>) -> anyhow::Result<(Evidence, Judgement)> {
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

    /// One look, with a new session if the last one has ended.
    pub(in crate::cli) async fn round(&mut self) -> anyhow::Result<(Evidence, Judgement)> {
        self.session.start_round(ROUND);
        if self.session.is_broken() {
            let datname = self.session.datname().to_owned();
            self.session.move_to(&datname).await?;
        }
        // Whoever asks who is in the way of a migration asks about the server, not about one database of it.
        let everything = Databases::all();
        let evidence = self.observer.round(&mut self.session, &everything, &self.config.alembic, VISITS).await?;
        let judgement = judge(&evidence, self.observer.history(), &self.settings);
        Ok((evidence, judgement))
    }
}
