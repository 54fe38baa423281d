//! The revisions that Alembic's version tables hold, against those that the code expects.
//!
//! [`applications`] know what is expected; a [`subject`] is a version table with its rows and the application that
//! claims it, a [`verdict`] what comes of comparing the two, and [`samples`] say so.

mod applications;
mod metrics;
mod samples;
mod subject;
mod verdict;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Mutex;

pub use applications::{Application, Applications, Expectation};

use super::live_tables::{LIVE_TABLES, Look};
use super::version_tables::{self, VERSION_TABLES};
use super::{Collector, Context, Profile, Scope};
use crate::alembic::lint::TableFacts;
use crate::metric::Samples;
use crate::postgres::{Error, Session};
use subject::{Claimant, claimants, subjects};
use verdict::Case;

static PROFILE: Profile = Profile {
    name: "alembic",
    about: "Revisions in every Alembic version table, since when, and whether they are those that the code expects",
    scope: Scope::Database,
    interval: Duration::from_secs(15),
    timeout: Duration::from_secs(10),
    heavy: false,
    privilege: Some("SELECT on the version tables, or pg_read_all_data"),
    metrics: metrics::ALL,
    statements: &[&VERSION_TABLES, &LIVE_TABLES],
};

/// The last look at the tables that pending revisions operate on, by database: the next one makes a rate of it.
#[derive(Debug, Default)]
pub(super) struct Notes(Mutex<HashMap<String, Look>>);

/// See the module.
pub(super) struct Alembic;

#[async_trait]
impl Collector for Alembic {
    fn profile(&self) -> &'static Profile {
        &PROFILE
    }

    async fn collect(&self, context: Context<'_>, session: &mut Session, samples: &mut Samples) -> Result<(), Error> {
        let tables = version_tables::read(session, &context.config.alembic).await?;
        let claimants = claimants(context, session.datname()).await;
        let subjects = subjects(tables, &claimants, context, session.datname());
        let (max_tables, postgres) = (context.config.alembic.max_tables, session.version().major);
        let judged = tokio::task::spawn_blocking(move || {
            let cases = verdict::judge(subjects, &claimants, max_tables, postgres);
            (cases, claimants)
        });
        // It fails only when the exporter stops.
        let Ok((cases, claimants)) = judged.await else { return Ok(()) };

        samples::push_counts(&cases, &claimants, samples);
        samples.leave_out(cases.len().saturating_sub(max_tables));
        let since = since(&cases, &claimants, context, session.datname());
        for (case, since) in cases.iter().zip(since).take(max_tables) {
            samples::push_table(case, &claimants, since, samples);
        }
        let shown = &cases[..cases.len().min(max_tables)];
        let facts = live_tables(shown, context, session).await?;
        samples::push_findings(shown, &claimants, &facts, samples);
        Ok(())
    }
}

/// Since when each table has been seen in its present state, where an application claims it.
fn since(cases: &[Case], claimants: &[Claimant], context: Context<'_>, datname: &str) -> Vec<Option<f64>> {
    let memory = [context.target, datname, "alembic_state"];
    let subjects: Vec<Option<[&str; 3]>> = cases
        .iter()
        .map(|case| Some([case.application(claimants)?, case.subject.schema.as_str(), case.subject.name.as_str()]))
        .collect();
    let present: HashSet<[&str; 3]> = subjects.iter().flatten().copied().collect();
    context
        .memory
        .retain(&memory, |subject| subject.try_into().is_ok_and(|subject| present.contains::<[&str; 3]>(&subject)));
    let observe = |(case, subject): (&Case, Option<[&str; 3]>)| {
        let state = case.verdict.as_ref()?.state();
        Some(context.memory.observe(&[&memory[..], &subject?].concat(), state))
    };
    cases.iter().zip(subjects).map(observe).collect()
}

/// How big and how busy the tables are that pending revisions operate on.
async fn live_tables(cases: &[Case], context: Context<'_>, session: &mut Session) -> Result<TableFacts, Error> {
    let findings = cases.iter().filter_map(|case| case.findings.as_ref()).flat_map(|findings| findings.iter());
    let names: BTreeSet<&String> = findings.filter_map(|(_, finding)| finding.table.as_ref()).collect();
    if names.is_empty() {
        return Ok(TableFacts::default());
    }
    let names: Vec<String> = names.into_iter().cloned().collect();
    let look = Look::take(session, &names).await?;
    let mut looks = context.notes.alembic.0.lock().await;
    let facts = look.facts(looks.get(session.datname()));
    looks.insert(session.datname().to_owned(), look);
    Ok(facts)
}
