//! Puts the rules to the steps of a migration.

use super::Options;
use super::effect::{Effect, effects};
use super::finding::Finding;
use super::knowledge::Knowledge;
use super::operation::Step;
use super::reader::Migration;
use super::rules::{Case, Definition, RULES, Rule, Scope, Seen, Verdict};

/// What the rules find in a migration, by line, the worst first within one.
///
/// `known` is what other migrations tell, and afterwards what this one tells as well. With a database at hand,
/// [`Finding::weigh`] goes on from there.
pub fn judge(migration: &Migration, known: &mut Knowledge, options: &Options) -> Vec<Finding> {
    let all = seen(&migration.steps, known, options);
    let mut findings = Vec::new();
    for rule in RULES.iter().filter(|rule| !options.ignored.iter().any(|ignored| ignored == rule.definition().id)) {
        for at in 0..all.len() {
            let case = Case { all: &all, at, options };
            if let Some(verdict) = rule.check(&case) {
                findings.extend(of_step(migration, *rule, &all[at], &verdict));
            }
        }
        findings.extend(of_file(migration, *rule));
    }
    let mut told = Vec::new();
    findings.retain(|finding: &Finding| {
        let new = !told.contains(finding);
        if new {
            told.push(finding.clone());
        }
        new
    });
    findings.sort_by_key(|finding| (finding.line, finding.severity));
    findings
}

/// The steps with their effects, each with what is known when it runs.
fn seen<'m>(steps: &'m [Step], known: &mut Knowledge, options: &Options) -> Vec<Seen<'m>> {
    let mut all = Vec::with_capacity(steps.len());
    for step in steps {
        known.enter(step);
        let mut effects = effects(&step.action, known, options.postgres);
        let any = effects.iter().find(|effect| !effect.beside).cloned();
        effects.retain(|effect| !known.is_created(&effect.table));
        all.push(Seen { step, effects, any });
        known.learn(&step.action);
    }
    known.leave();
    all
}

fn of_step(migration: &Migration, rule: &dyn Rule, seen: &Seen, verdict: &Verdict) -> Vec<Finding> {
    let (first, last) = (seen.step.line, seen.step.last_line);
    if is_suppressed(migration, rule.definition(), first, last) {
        return Vec::new();
    }
    let concerned = |effect: &&Effect| match verdict.scope {
        Scope::Changed => !effect.beside,
        Scope::Beside => effect.beside,
        Scope::Everything | Scope::Always => true,
    };
    let plain = || {
        let operation = Some(seen.step.operation.clone()).filter(|operation| !operation.is_empty());
        Finding { operation, ..finding(migration, rule.definition(), first, verdict) }
    };
    if verdict.scope == Scope::Always {
        return vec![seen.any.as_ref().map_or_else(plain, |effect| with_effect(plain(), effect, verdict))];
    }
    seen.effects.iter().filter(concerned).map(|effect| with_effect(plain(), effect, verdict)).collect()
}

fn with_effect(finding: Finding, effect: &Effect, verdict: &Verdict) -> Finding {
    Finding {
        schema: effect.table.schema.clone(),
        table: effect.table.name.clone(),
        lock: verdict.under.max(Some(effect.lock)),
        rewrites: Some(effect.rewrites),
        scans: Some(effect.scans),
        ..finding
    }
}

fn of_file(migration: &Migration, rule: &dyn Rule) -> Vec<Finding> {
    let definition = rule.definition();
    let verdicts = rule.check_file(migration).into_iter();
    let open = verdicts.filter(|(line, _)| !is_suppressed(migration, definition, *line, *line));
    open.map(|(line, verdict)| finding(migration, definition, line, &verdict)).collect()
}

fn finding(migration: &Migration, definition: &'static Definition, line: usize, verdict: &Verdict) -> Finding {
    Finding {
        rule: definition.id,
        severity: verdict.severity,
        file: migration.file.clone(),
        line,
        operation: None,
        schema: None,
        table: None,
        lock: None,
        rewrites: None,
        scans: None,
        message: verdict.message.clone(),
        remedy: definition.safe,
        rows: None,
        bytes: None,
        writes_per_second: None,
        at_any_size: verdict.at_any_size,
    }
}

/// Only a suppression that says why counts.
fn is_suppressed(migration: &Migration, definition: &Definition, first: usize, last: usize) -> bool {
    let applies = |suppression: &&super::source::Suppression| {
        suppression.covers(first, last) && suppression.rules.iter().any(|rule| rule == definition.id)
    };
    migration.suppressions.iter().filter(applies).any(|suppression| !suppression.reason.is_empty())
}
