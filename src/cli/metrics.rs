//! `pgwarden metrics`: the reference of every metric, from the definitions themselves.

use std::fmt::Write;

use super::Outcome;
use crate::collectors;
use crate::metric::{Definition, Kind};
use crate::runner::status;
use crate::web;

/// Print the reference of all metrics, in Markdown.
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

pub(super) fn run(_: &Args) -> Outcome {
    anstream::print!("{}", reference());
    Outcome::Fine
}

/// The reference, a table for each collector and one for the exporter itself.
fn reference() -> String {
    let mut out = "# Metrics\n\nThis page is the output of `pgwarden metrics`.\n".to_owned();
    for profile in collectors::ALL.iter().map(|collector| collector.profile()) {
        let every = humantime::format_duration(profile.interval);
        let privilege =
            profile.privilege.map(|privilege| format!(" It sees all with {privilege}.")).unwrap_or_default();
        section(profile.name, &format!("{}, every {every}.{privilege}", profile.about), &mut out);
        profile.metrics.iter().for_each(|metric| row(metric, profile.scope.labels(), &mut out));
    }
    section("The exporter itself", "Made at each scrape.", &mut out);
    status::METRICS.iter().chain(web::METRICS).for_each(|metric| row(metric, &[], &mut out));
    out
}

fn section(title: &str, about: &str, out: &mut String) {
    out.extend(["\n## ", title, "\n\n", about, "\n\n| metric | type | labels | meaning |\n|---|---|---|---|\n"]);
}

fn row(metric: &Definition, scope: &[&str], out: &mut String) {
    let labels: Vec<_> = scope.iter().chain(metric.labels).map(|label| format!("`{label}`")).collect();
    let kind = match metric.kind {
        Kind::Gauge => "gauge",
        Kind::Counter => "counter",
        Kind::Histogram => "histogram",
        Kind::Info => "info",
    };
    // Writing to a String cannot fail.
    let _ = writeln!(out, "| `{}` | {kind} | {} | {} |", metric.name, labels.join(", "), metric.help);
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_reference_in_the_documentation_is_up_to_date() {
        let documented = include_str!("../../docs/METRICS.md");
        assert!(documented == reference(), "run: cargo run -- metrics > docs/METRICS.md");
    }

    #[test]
    fn the_exporters_own_metrics_keep_the_rules_and_share_no_name_with_a_collectors() {
        let own = || status::METRICS.iter().chain(web::METRICS).copied();
        let violations: Vec<_> = own().flat_map(Definition::violations).collect();
        assert!(violations.is_empty(), "{violations:#?}");
        let of_collectors = collectors::ALL.iter().flat_map(|collector| collector.profile().metrics).copied();
        let names: BTreeSet<_> = of_collectors.chain(own()).map(Definition::family_name).collect();
        let count = collectors::ALL.iter().map(|collector| collector.profile().metrics.len()).sum::<usize>();
        assert_eq!(names.len(), count + own().count());
    }
}
