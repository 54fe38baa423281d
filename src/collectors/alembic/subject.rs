//! Version tables, and the places where one should be: what they hold, and whose they are.

use std::collections::HashSet;
use std::sync::Arc;

use super::applications::Expectation;
use crate::collectors::Context;
use crate::collectors::version_tables::{Reading, VersionTable};
use crate::config::Application;

/// Ends each revision of a table in memory; no text of PostgreSQL can hold it.
const REVISION_END: &str = "\0";

/// An application that may have version tables in the database.
#[derive(Debug)]
pub(super) struct Claimant {
    pub(super) application: Application,
    /// `None` while nobody has looked.
    pub(super) expectation: Option<Arc<Expectation>>,
}

/// A version table, or the place where one should be.
#[derive(Debug)]
pub(super) struct Subject {
    pub(super) schema: String,
    pub(super) name: String,
    pub(super) rows: Rows,
    /// Whether our role may read it, and whether it is locked; `None` where it is missing.
    pub(super) table: Option<Table>,
    /// Whose it is, by its place in the list of claimants.
    pub(super) claimant: Option<usize>,
}

/// How a version table could be read.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) readable: bool,
    pub(super) locked: bool,
}

/// What a version table holds.
#[derive(Debug)]
pub(super) enum Rows {
    /// These revisions, or these when it could last be read; and since when they have been seen.
    Known(Vec<String>, f64),
    /// There is no table.
    Missing,
    /// It could never be read.
    Unknown,
}

impl Rows {
    /// The revisions, where they are known.
    pub(super) fn revisions(&self) -> &[String] {
        match self {
            Self::Known(revisions, _) => revisions,
            Self::Missing | Self::Unknown => &[],
        }
    }
}

/// The applications that may have version tables in a database, in the order of the configuration.
pub(super) async fn claimants(context: Context<'_>, datname: &str) -> Vec<Claimant> {
    let mut claimants = Vec::new();
    for application in &context.config.alembic.applications {
        if application.is_in(context.target, datname) {
            let expectation = context.applications.expectation(&application.name).await;
            claimants.push(Claimant { application: application.clone(), expectation });
        }
    }
    claimants
}

/// The version tables with what is remembered of those that cannot be read now, and the places where one is missing.
pub(super) fn subjects(
    tables: Vec<VersionTable>,
    claimants: &[Claimant],
    context: Context<'_>,
    datname: &str,
) -> Vec<Subject> {
    let memory = [context.target, datname, "alembic"];
    let present: HashSet<[&str; 2]> = tables.iter().map(|table| [table.schema.as_str(), table.name.as_str()]).collect();
    context
        .memory
        .retain(&memory, |subject| subject.try_into().is_ok_and(|subject: [&str; 2]| present.contains(&subject)));
    let subject = |table: VersionTable| {
        let rows = rows(&table, &memory, context);
        let claims = |claimant: &Claimant| claimant.application.claims(&table.schema, &table.name);
        Subject {
            rows,
            claimant: claimants.iter().position(claims),
            table: Some(Table { readable: table.reading != Reading::Denied, locked: table.reading == Reading::Locked }),
            schema: table.schema,
            name: table.name,
        }
    };
    let mut subjects: Vec<Subject> = tables.into_iter().map(subject).collect();
    let claimed: HashSet<usize> = subjects.iter().filter_map(|subject| subject.claimant).collect();
    let without = claimants.iter().enumerate().filter(|(index, _)| !claimed.contains(index));
    subjects.extend(without.filter_map(|(index, claimant)| missing(index, &claimant.application)));
    subjects
}

/// What is missing of an application, where somebody has said that it is in this database.
fn missing(index: usize, application: &Application) -> Option<Subject> {
    application.databases.are_configured().then(|| Subject {
        schema: application.schemas.name().unwrap_or_default().to_owned(),
        name: application.expected_table().to_owned(),
        rows: Rows::Missing,
        table: None,
        claimant: Some(index),
    })
}

fn rows(table: &VersionTable, memory: &[&str], context: Context<'_>) -> Rows {
    let subject = [memory, &[&table.schema, &table.name]].concat();
    match &table.reading {
        Reading::Rows(revisions) => {
            let text: String = revisions.iter().flat_map(|revision| [revision, REVISION_END]).collect();
            Rows::Known(revisions.clone(), context.memory.observe(&subject, &text))
        }
        Reading::Locked => context.memory.last(&subject).map_or(Rows::Unknown, |(text, since)| {
            Rows::Known(text.split_terminator(REVISION_END).map(str::to_owned).collect(), since)
        }),
        Reading::Denied => Rows::Unknown,
    }
}
