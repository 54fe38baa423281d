//! Size and write rate of live tables.

use std::time::Duration;

use anyhow::Context;

use crate::alembic::lint::TableFacts;
use crate::collectors::live_tables::Look;
use crate::config::Config;
use crate::postgres::{Budget, Session};

/// How long one of the two looks may take.
const ROUND: Duration = Duration::from_secs(10);

/// Looks at the tables of the one database twice, so that the second look gives rates; and at the server's version.
pub(super) async fn read(config: &Config, window: Duration) -> anyhow::Result<(TableFacts, u32)> {
    let target = config.targets.first().context("no target")?;
    let budget = Budget::exporter(1);
    let mut session = Session::open(&target.connection, &target.connection.dbname, &config.sessions, &budget).await?;
    session.start_round(ROUND);
    let earlier = Look::take(&mut session, &[]).await?;
    tokio::time::sleep(window).await;
    session.start_round(ROUND);
    let later = Look::take(&mut session, &[]).await?;
    Ok((later.facts(Some(&earlier)), session.version().major))
}
