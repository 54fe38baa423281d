//! How version tables become samples: whole counts, and series of their own for the tables that need attention.

use std::collections::{BTreeMap, BTreeSet};

use super::metrics::{
    FINDING, FINDINGS, FIRST_SEEN, LOCKED, PENDING, READABLE, REVISION, REVISION_TABLES, ROWS, STATE, STATE_SINCE,
    SUPERFLUOUS, TABLES, UNAPPLIED_HEADS, UNKNOWN, UNMATCHED, VERSION_TABLES,
};
use super::subject::{Claimant, Rows};
use super::verdict::{Case, states};
use crate::alembic::judge::Judgement;
use crate::alembic::lint::{Severity, TableFacts};
use crate::collectors::OTHER;
use crate::metric::{Bounded, LabelValues, Samples, labels, largest};

/// Revisions of one application in one database with series of their own.
const MAX_REVISIONS: usize = 50;
/// Findings of one database with series of their own.
const MAX_FINDINGS: usize = 100;

/// Counts over all tables of the database.
pub(super) fn push_counts(cases: &[Case], claimants: &[Claimant], samples: &mut Samples) {
    let tables = cases.iter().filter(|case| case.subject.table.is_some());
    samples.push_plain(&VERSION_TABLES, tables.count() as f64);
    // Where nothing is expected, it says nothing that no application claims a table.
    if !claimants.is_empty() {
        samples.push_plain(&UNMATCHED, cases.iter().filter(|case| case.subject.claimant.is_none()).count() as f64);
    }
    for (index, claimant) in claimants.iter().enumerate() {
        let own: Vec<_> = cases.iter().filter(|case| case.subject.claimant == Some(index)).collect();
        if own.is_empty() {
            continue;
        }
        let name = claimant.application.name.as_str();
        for state in states() {
            let of_state = |case: &&&Case| case.verdict.as_ref().is_some_and(|verdict| verdict.state() == state);
            samples.push(&TABLES, &labels([name, state]), own.iter().filter(of_state).count() as f64);
        }
        push_revisions(name, &own, samples);
    }
}

fn push_revisions(application: &str, own: &[&Case], samples: &mut Samples) {
    let [_, other] = OTHER;
    let mut tables: BTreeMap<&str, usize> = BTreeMap::new();
    for revision in own.iter().flat_map(|case| case.subject.rows.revisions()) {
        *tables.entry(revision).or_default() += 1;
    }
    // A revision of that name would be taken for the remainder, and is added to it.
    let named_so = tables.remove(other);
    let Bounded { kept, rest } = largest(tables.into_iter().collect(), MAX_REVISIONS, |(_, count)| *count as f64);
    for (revision, count) in kept {
        samples.push(&REVISION_TABLES, &labels([application, revision]), count as f64);
    }
    samples.leave_out(rest.len());
    let remainder = rest.iter().map(|(_, count)| *count).chain(named_so).reduce(|sum, count| sum + count);
    samples.push_some(&REVISION_TABLES, &labels([application, other]), remainder.map(|tables| tables as f64));
}

/// What is known of one table.
pub(super) fn push_table(case: &Case, claimants: &[Claimant], since: Option<f64>, samples: &mut Samples) {
    let subject = &case.subject;
    let names = labels([&subject.schema, &subject.name]);
    if let Some(table) = &subject.table {
        samples.push(&READABLE, &names, table.readable);
        samples.push(&LOCKED, &names, table.locked);
    }
    if let Rows::Known(revisions, since) = &subject.rows {
        samples.push(&FIRST_SEEN, &names, *since);
        samples.push(&ROWS, &names, revisions.len() as f64);
        for revision in revisions {
            samples.push_info(&REVISION, &labels([&subject.schema, &subject.name, revision]));
        }
    }
    let (Some(verdict), Some(application)) = (&case.verdict, case.application(claimants)) else { return };
    samples.push_info(&STATE, &labels([&subject.schema, &subject.name, application, verdict.state()]));
    let names = labels([&subject.schema, &subject.name, application]);
    samples.push_some(&STATE_SINCE, &names, since);
    if let Some(judgement) = &verdict.0 {
        push_judgement(judgement, &names, samples);
    }
}

fn push_judgement(judgement: &Judgement, names: &LabelValues, samples: &mut Samples) {
    let count = |number: usize| number as f64;
    samples.push_some(&PENDING, names, judgement.pending.as_ref().map(|pending| count(pending.len())));
    samples.push(&UNKNOWN, names, count(judgement.unknown.len()));
    samples.push(&SUPERFLUOUS, names, count(judgement.overlapping.len()));
    samples.push_some(&UNAPPLIED_HEADS, names, judgement.unapplied_heads().map(count));
}

/// What is unsafe about the revisions that wait, weighed by the live tables: counted for each version table, and the
/// worst by themselves.
pub(super) fn push_findings(cases: &[Case], claimants: &[Claimant], facts: &TableFacts, samples: &mut Samples) {
    let mut worst = BTreeSet::new();
    for case in cases {
        let (Some(findings), Some(application)) = (&case.findings, case.application(claimants)) else { continue };
        let subject = &case.subject;
        let names = [subject.schema.as_str(), &subject.name, application];
        let mut counts = BTreeMap::from(Severity::ALL.map(|severity| (severity, 0_u32)));
        for (revision, finding) in findings.iter() {
            let operated = finding.operated();
            let fact = operated.as_ref().and_then(|table| facts.of(table, Some(&subject.schema)));
            let severity = fact.map_or(finding.severity, |fact| finding.severity_on(fact));
            *counts.entry(severity).or_default() += 1;
            let schema = fact.map(|fact| &fact.schema).or(finding.schema.as_ref());
            let operated = [schema, finding.table.as_ref()].map(|name| name.map_or("", String::as_str));
            worst.insert((severity, names, revision.as_str(), finding.rule, operated));
        }
        let [schema, table, application] = names;
        for (severity, count) in counts {
            samples.push(&FINDINGS, &labels([schema, table, application, severity.name()]), f64::from(count));
        }
    }
    samples.leave_out(worst.len().saturating_sub(MAX_FINDINGS));
    for (severity, [schema, table, application], revision, rule, [operated_schema, operated]) in
        worst.into_iter().take(MAX_FINDINGS)
    {
        let severity = severity.name();
        let names = [schema, table, application, revision, rule, severity, operated_schema, operated];
        samples.push_info(&FINDING, &labels(names));
    }
}
