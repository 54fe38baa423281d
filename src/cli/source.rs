//! Where a command finds what to look at: a configuration file, a connection, or the environment.

use std::path::PathBuf;

use crate::collectors;
use crate::config::{self, Config, Environment, Target};

/// Options of every command that looks at servers.
#[derive(Clone, Debug, clap::Args)]
pub struct Source {
    /// Configuration file; without one, `DATABASE_URL` or libpq's variables (PGHOST, ...) name the server
    #[arg(long, value_name = "FILE", env = "PGWARDEN_CONFIG")]
    pub config: Option<PathBuf>,

    /// One database, as a URL or a keyword string of libpq, instead of a configuration file
    #[arg(long, value_name = "URL", conflicts_with_all = ["config", "target"])]
    pub database: Option<String>,

    /// Only this target of the configuration
    #[arg(long, value_name = "NAME", requires = "config")]
    pub target: Option<String>,
}

impl Source {
    /// The configuration that these options stand for.
    pub fn load(&self) -> anyhow::Result<Config> {
        let environment = Environment::process();
        let mut config = match (&self.config, &self.database) {
            (Some(file), _) => config::load(file, &collectors::names(), &environment)?,
            (None, Some(database)) => Config::for_connection(database.as_str(), &environment)?,
            (None, None) => Config::from_environment(&environment)?,
        };
        if let Some(name) = &self.target {
            let known: Vec<_> = config.targets.iter().map(|target| target.name.clone()).collect();
            config.targets.retain(|target| target.name == *name);
            anyhow::ensure!(!config.targets.is_empty(), "no target is named {name:?}; known are: {}", known.join(", "));
        }
        Ok(config)
    }

    /// The one server that these options stand for, for a command that looks at one.
    pub fn load_target(&self) -> anyhow::Result<(Config, Target)> {
        let config = self.load()?;
        let [target] = config.targets.as_slice() else {
            let known: Vec<_> = config.targets.iter().map(|target| target.name.as_str()).collect();
            anyhow::bail!("the configuration has several targets, choose one with --target: {}", known.join(", "));
        };
        let target = target.clone();
        Ok((config, target))
    }
}
