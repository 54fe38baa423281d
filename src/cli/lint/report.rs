//! The findings, for people and for programs.

use std::fmt::Write;

use anstyle::{AnsiColor, Style};
use serde::Serialize;

use super::Unread;
use crate::alembic::lint::{Finding, Severity};

/// The JSON output.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    version: u32,
    /// How many revision files were read.
    files: usize,
    /// Files that Python cannot parse either, sorted.
    pub(super) unparsable: Vec<String>,
    #[serde(skip)]
    reasons: Vec<String>,
    pub(super) findings: Vec<Finding>,
}

impl Report {
    /// Orders the findings: the worst file first, by line within.
    pub(super) fn new(files: usize, mut unread: Vec<Unread>, findings: Vec<Finding>) -> Self {
        unread.sort_by(|one, other| one.file.cmp(&other.file));
        let (unparsable, reasons) = unread.into_iter().map(|unread| (unread.file, unread.reason)).unzip();
        Self { version: 1, files, unparsable, reasons, findings }
    }

    fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.severity == severity).count()
    }
}

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();

fn style(severity: Severity) -> Style {
    match severity {
        Severity::Error => AnsiColor::Red.on_default().bold(),
        Severity::Warning => AnsiColor::Yellow.on_default().bold(),
        Severity::Info => AnsiColor::Cyan.on_default(),
    }
}

/// Prints for people: files with the worst finding first, findings with the worst first within a file.
pub(super) fn print(report: &Report) {
    for (file, reason) in report.unparsable.iter().zip(&report.reasons) {
        let red = style(Severity::Error);
        anstream::println!("{BOLD}{file}{BOLD:#}\n  {red}unreadable{red:#} {reason}\n");
    }
    for findings in by_file(&report.findings) {
        let file = findings.first().map_or("", |finding| finding.file.as_str());
        anstream::println!("{BOLD}{file}{BOLD:#}");
        for finding in findings {
            print_finding(finding);
        }
        anstream::println!();
    }
    let (errors, warnings, infos) =
        (report.count(Severity::Error), report.count(Severity::Warning), report.count(Severity::Info));
    anstream::println!(
        "{} files, {errors} errors, {warnings} warnings, {infos} infos, {} unreadable",
        report.files,
        report.unparsable.len()
    );
}

fn by_file(findings: &[Finding]) -> Vec<Vec<&Finding>> {
    let mut files: Vec<Vec<&Finding>> =
        findings.chunk_by(|one, other| one.file == other.file).map(|file| file.iter().collect()).collect();
    for file in &mut files {
        file.sort_by_key(|finding| (finding.severity, finding.line));
    }
    files.sort_by_key(|file| file.first().map(|finding| finding.severity));
    files
}

fn print_finding(finding: &Finding) {
    let colour = style(finding.severity);
    let severity = finding.severity.name();
    anstream::println!(
        "  {:>4}  {colour}{severity:<7}{colour:#}  {BOLD}{}{BOLD:#}  {}",
        finding.line,
        finding.rule,
        finding.message
    );
    let effect = effect(finding);
    if !effect.is_empty() {
        anstream::println!("        {DIM}{effect}{DIM:#}");
    }
    anstream::println!("        {DIM}->{DIM:#} {}", finding.remedy);
}

/// `add_column on shop.orders: AccessExclusiveLock, rewritten, read through; 1200 rows, 64 MiB, 3.5 writes/s`.
fn effect(finding: &Finding) -> String {
    let mut text = finding.operation.clone().unwrap_or_default();
    let Some(lock) = finding.lock else { return text };
    let schema = finding.schema.as_ref().map(|schema| format!("{schema}.")).unwrap_or_default();
    // Writing into a String cannot fail.
    let _ = write!(text, " on {schema}{}: {}", finding.table.as_deref().unwrap_or("?"), lock.name());
    for (is, word) in [(finding.rewrites, "rewritten"), (finding.scans, "read through")] {
        if is == Some(true) {
            let _ = write!(text, ", {word}");
        }
    }
    let live = [
        finding.rows.map(|rows| format!("{rows} rows")),
        finding.bytes.map(|bytes| format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))),
        finding.writes_per_second.map(|rate| format!("{rate:.1} writes/s")),
    ];
    let live = live.into_iter().flatten().collect::<Vec<_>>();
    if !live.is_empty() {
        let _ = write!(text, "; {}", live.join(", "));
    }
    text
}
