//! `pgwarden metrics`: the reference of all metrics, from their definitions.

use std::fmt::Write;

use clap::ValueEnum;

use super::Outcome;
use crate::collectors::{self, Profile, Scope};
use crate::metric::{Definition, Kind};
use crate::runner::status;
use crate::web;

/// Print the reference of all metrics: names, types, labels, meaning, collector, interval and privilege.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The form of the output
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// The form of the reference.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// The document docs/METRICS.md
    #[default]
    Markdown,
    /// Text for reading in a terminal
    Human,
}

pub(super) fn run(args: &Args) -> Outcome {
    let text = match args.format {
        Format::Human => human(),
        Format::Markdown => markdown(),
    };
    anstream::print!("{text}");
    Outcome::Fine
}

/// Metrics that belong together.
struct Section {
    title: String,
    about: &'static str,
    /// Where, how often and with which privilege; `None` for metrics that no collector makes.
    profile: Option<&'static Profile>,
    metrics: &'static [&'static Definition],
}

impl Section {
    /// The labels of a metric, those of the scope first.
    fn labels(&self, metric: &Definition) -> Vec<&'static str> {
        let scope = self.profile.map_or(&[][..], |profile| profile.scope.labels());
        [scope, metric.labels].concat()
    }

    /// `every 60 s, once per target; privilege: pg_monitor`.
    fn facts(&self) -> Option<String> {
        let Profile { scope, interval, privilege, .. } = self.profile?;
        let place = match scope {
            Scope::Server => "once per target",
            Scope::Watch => "once per target, in a session of its own",
            Scope::Database => "in every watched database",
        };
        let privilege = privilege.unwrap_or("none");
        Some(format!("Every {}, {place}. Privilege: {privilege}.", humantime::format_duration(*interval)))
    }
}

fn sections() -> Vec<Section> {
    let own = [
        ("The rounds", "How each round of each collector went, and what is reached.", status::METRICS),
        ("The exporter", "What it is, what it serves and what it uses.", web::METRICS),
    ];
    let own = own.map(|(title, about, metrics)| Section { title: title.to_owned(), about, profile: None, metrics });
    let collectors = collectors::ALL.iter().map(|collector| {
        let profile = collector.profile();
        let title = format!("Collector {}", profile.name);
        Section { title, about: profile.about, profile: Some(profile), metrics: profile.metrics }
    });
    own.into_iter().chain(collectors).collect()
}

fn kind(metric: &Definition) -> &'static str {
    match metric.kind {
        Kind::Gauge => "gauge",
        Kind::Counter => "counter",
        Kind::Histogram => "histogram",
        Kind::Info => "info",
    }
}

/// `docs/METRICS.md`, whole.
fn markdown() -> String {
    let mut out = String::from(
        "# Metrics\n\n\
         This is the output of `pgwarden metrics`.\n\n\
         Values are collected in the background, each collector at its own interval; a scrape shows the last good\n\
         ones and never waits. A value that cannot be known is absent, never 0. Series that a bound leaves out are\n\
         counted in `pgwarden_collector_left_out`.\n",
    );
    for section in sections() {
        let Section { title, about, metrics, .. } = &section;
        // Writing to a String cannot fail, here and below.
        let _ = write!(out, "\n## {title}\n\n{}.\n", about.trim_end_matches('.'));
        if let Some(facts) = section.facts() {
            let _ = writeln!(out, "{facts}");
        }
        out.push_str("\n| Metric | Type | Labels | Meaning |\n|---|---|---|---|\n");
        for metric in *metrics {
            let labels = section.labels(metric).iter().map(|label| format!("`{label}`")).collect::<Vec<_>>().join(", ");
            let help = metric.help.replace('|', "\\|");
            let _ = writeln!(out, "| `{}` | {} | {labels} | {help} |", metric.name, kind(metric));
        }
    }
    out
}

fn human() -> String {
    let (bold, dim) = (anstyle::Style::new().bold(), anstyle::Style::new().dimmed());
    let mut out = String::new();
    for section in sections() {
        let Section { title, about, metrics, .. } = &section;
        let facts = section.facts().unwrap_or_default();
        let _ = writeln!(out, "{bold}{title}{bold:#}\n{}. {facts}", about.trim_end_matches('.'));
        for metric in *metrics {
            let labels = section.labels(metric).join(", ");
            let _ = writeln!(out, "\n  {bold}{}{bold:#}{{{labels}}} {dim}{}{dim:#}", metric.name, kind(metric));
            let _ = writeln!(out, "      {}", metric.help);
        }
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn metrics() -> Vec<&'static Definition> {
        sections().iter().flat_map(|section| section.metrics).copied().collect()
    }

    #[test]
    fn the_document_is_the_output_of_the_command() {
        assert!(
            include_str!("../../docs/METRICS.md") == markdown(),
            "docs/METRICS.md is out of date: cargo run -- metrics > docs/METRICS.md"
        );
    }

    #[test]
    fn no_metric_of_any_part_has_the_name_of_another() {
        let names: BTreeSet<_> = metrics().into_iter().map(Definition::family_name).collect();
        assert_eq!(names.len(), metrics().len());
    }

    #[test]
    fn every_metric_of_every_part_keeps_the_naming_rules() {
        let violations: Vec<_> = metrics().into_iter().flat_map(Definition::violations).collect();
        assert!(violations.is_empty(), "{violations:#?}");
    }

    #[test]
    fn every_metric_stands_in_both_forms() {
        for metric in metrics() {
            assert!(human().contains(metric.help), "{}", metric.name);
            assert!(markdown().contains(&format!("| `{}` | {} |", metric.name, kind(metric))), "{}", metric.name);
        }
    }

    #[test]
    fn labels_of_the_scope_stand_before_the_metrics_own() {
        for section in sections() {
            let Some(profile) = section.profile else { continue };
            for metric in section.metrics {
                assert!(section.labels(metric).starts_with(profile.scope.labels()), "{}", metric.name);
            }
        }
    }
}
