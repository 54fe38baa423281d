//! `pgwarden serve`: the exporter.

use std::io::{self, IsTerminal};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tracing::{error, info, warn};
use tracing_subscriber::EnvFilter;

use super::Outcome;
use super::source::Source;
use crate::config::{Config, Log, LogFormat};
use crate::runner::{Runner, Shared, status};
use crate::state::Memory;
use crate::web;

/// Watch servers and serve their metrics to Prometheus.
///
/// SIGHUP and POST /-/reload load the configuration anew, whole or not at all; SIGTERM ends at once.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    source: Source,

    /// Address and port to listen on, instead of the configured one
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
}

pub(super) async fn run(args: Args) -> anyhow::Result<Outcome> {
    let config = args.source.load()?;
    start_logging(&config.log)?;
    let listen = args.listen.unwrap_or(config.web.listen);
    let listener = TcpListener::bind(listen).await.with_context(|| format!("listen on {listen}"))?;
    info!(address = %listener.local_addr()?, targets = config.targets.len(), "listening");

    let exporter = Arc::new(Exporter::start(config, args.source));
    let state = web::State::new(
        Arc::clone(&exporter.shared.published),
        {
            let exporter = Arc::clone(&exporter);
            Box::new(move || exporter.families())
        },
        {
            let exporter = Arc::clone(&exporter);
            Box::new(move || {
                let exporter = Arc::clone(&exporter);
                Box::pin(async move { exporter.reload().await })
            })
        },
    );
    let state = state.context("set up the metrics of the exporter itself")?;
    let state = Arc::new(state.with_applications(Arc::clone(&exporter.shared.applications)));
    let served = web::serve(listener, Arc::clone(&state), until_told_to_stop(state)?).await;
    exporter.stop().await;
    served.context("serve HTTP")?;
    Ok(Outcome::Fine)
}

/// The runner of the present configuration, and what outlives it.
struct Exporter {
    shared: Shared,
    source: Source,
    /// What it was started with.
    first: Config,
    runner: Mutex<Option<Runner>>,
}

impl Exporter {
    fn start(config: Config, source: Source) -> Self {
        let folder = config.state_dir.as_deref();
        let (memory, failure) = Memory::open(folder);
        // The first write may be days away.
        let failure = failure.or_else(|| Memory::check(folder?).err());
        let shared = Shared { memory: Arc::new(memory), ..Shared::default() };
        match failure {
            Some(failure) => {
                shared.count_state_error();
                warn!("{failure}");
            }
            None if !shared.memory.is_persistent() => {
                warn!("no state folder is configured: first-seen times start anew with each start");
            }
            None => {}
        }
        let runner = Mutex::new(Some(Runner::start(config.clone(), &shared)));
        Self { shared, source, first: config, runner }
    }

    /// Takes a new configuration over, whole, or keeps the old one and says why.
    async fn reload(&self) -> Result<(), String> {
        let config = self.source.load().map_err(|error| format!("{error:#}"));
        let config = config.inspect_err(|error| error!("the configuration is not taken over: {error}"))?;
        for key in self.first.fixed_changes(&config) {
            warn!("{key} has changed, which takes effect with the next start");
        }
        let old = self.swap(None);
        if let Some(old) = old {
            old.stop().await;
        }
        info!(targets = config.targets.len(), "configuration loaded");
        self.swap(Some(Runner::start(config, &self.shared)));
        Ok(())
    }

    fn families(&self) -> Vec<crate::metric::Family> {
        let runner = self.runner.lock().unwrap_or_else(PoisonError::into_inner);
        status::families(&self.shared, runner.as_ref())
    }

    async fn stop(&self) {
        if let Some(runner) = self.swap(None) {
            runner.stop().await;
        }
        if let Err(error) = self.shared.memory.save() {
            warn!("{error}");
        }
    }

    fn swap(&self, runner: Option<Runner>) -> Option<Runner> {
        std::mem::replace(&mut *self.runner.lock().unwrap_or_else(PoisonError::into_inner), runner)
    }
}

fn start_logging(log: &Log) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&log.filter).with_context(|| format!("understand log.filter {:?}", log.filter))?;
    let builder =
        tracing_subscriber::fmt().with_env_filter(filter).with_ansi(io::stderr().is_terminal()).with_writer(io::stderr);
    match log.format {
        LogFormat::Text => builder.init(),
        LogFormat::Json => builder.json().init(),
    }
    Ok(())
}

/// Ends at SIGTERM or SIGINT; reloads at each SIGHUP until then.
fn until_told_to_stop(state: Arc<web::State>) -> io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    Ok(async move {
        loop {
            tokio::select! {
                _ = terminate.recv() => return,
                _ = interrupt.recv() => return,
                _ = hang_up.recv() => { let _ = state.reload().await; }
            }
        }
    })
}
