//! The alerts that we ship: that they can fire, and that whoever is woken by one knows what to do.

mod annotations;
mod deployment;
mod expressions;
mod inhibition;
mod rules;
mod runbooks;

use std::collections::BTreeSet;
use std::fs;

use tokio::process::Command;

use rules::{alerts, folder, moments, rule_files, test_files};

async fn run(program: &str, arguments: &[&str], files: &[std::path::PathBuf]) {
    let output = Command::new(program).args(arguments).args(files).output().await.expect("the program is installed");
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{program}: {said}");
}

#[tokio::test]
async fn promtool_finds_nothing_in_the_rules() {
    run("promtool", &["check", "rules", "--lint=all", "--lint-fatal"], &rule_files()).await;
}

#[tokio::test]
async fn the_unit_tests_of_the_rules_pass() {
    run("promtool", &["test", "rules"], &test_files()).await;
}

#[test]
fn every_alert_fires_in_a_test_and_is_silent_in_another() {
    let moments = moments();
    for alert in alerts() {
        let (name, severity) = (alert.name(), alert.severity());
        let mut of_it = moments.iter().filter(|moment| moment.alertname == name);
        let fires = of_it.clone().flat_map(|moment| &moment.exp_alerts);
        assert!(fires.into_iter().any(|it| it.exp_labels["severity"] == severity), "{name} ({severity}) never fires");
        assert!(of_it.any(|moment| moment.exp_alerts.is_empty()), "{name} is never silent");
    }
}

#[test]
fn no_test_is_about_an_alert_that_does_not_exist() {
    let names: BTreeSet<_> = alerts().iter().map(|alert| alert.name().to_owned()).collect();
    for moment in moments() {
        assert!(names.contains(&moment.alertname), "{}", moment.alertname);
    }
}

#[test]
fn every_alert_is_named_and_weighed() {
    for alert in alerts() {
        let (name, severity) = (alert.name(), alert.severity());
        assert!(name.starts_with("Pgwarden"), "{name}");
        assert!(["critical", "warning", "info"].contains(&severity), "{name}: {severity:?}");
    }
}

#[test]
fn an_alert_without_a_duration_says_why() {
    let texts: String = rule_files().iter().map(|path| fs::read_to_string(path).unwrap()).collect();
    for alert in alerts().iter().filter(|alert| alert.lasting.is_none()) {
        let head = format!("- alert: {}\n        # A fact", alert.name());
        assert!(texts.contains(&head), "{} has no `for`, and states no fact", alert.name());
    }
}

#[test]
fn the_overview_lists_every_alert_with_severity_and_duration() {
    let overview = fs::read_to_string(folder("alerts/README.md")).unwrap();
    let rows = overview.lines().filter(|line| line.starts_with("| [Pgwarden"));
    let listed: BTreeSet<_> = rows.map(|row| row.rsplit_once(" | ").unwrap().0.to_owned()).collect();
    let mut expected = BTreeSet::new();
    for alert in alerts() {
        let name = alert.name();
        let severities: BTreeSet<_> =
            alerts().iter().filter(|other| other.name() == name).map(|other| other.severity().to_owned()).collect();
        let severities = severities.into_iter().rev().collect::<Vec<_>>().join(", ");
        let lasting = alert.lasting.as_deref().unwrap_or("at once");
        expected.insert(format!("| [{name}](../docs/runbooks/{name}.md) | {severities} | {lasting}"));
    }
    assert_eq!(listed, expected);
}
