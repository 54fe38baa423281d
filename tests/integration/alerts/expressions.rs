//! What the rules ask for exists.

use super::rules::{alerts, reference, rules};

#[test]
fn every_rule_asks_for_metrics_and_labels_that_there_are() {
    let reference = reference();
    let problems = rules().into_iter().flat_map(|rule| {
        let problems = reference.examine(&rule.expr).problems;
        problems.into_iter().map(move |problem| format!("{}: {problem}", rule.name()))
    });
    assert_eq!(problems.collect::<Vec<_>>(), Vec::<String>::new());
}

#[test]
fn what_is_recorded_is_named_by_level_metric_and_operation() {
    for rule in rules().iter().filter(|rule| rule.record.is_some()) {
        let parts: Vec<_> = rule.name().split(':').collect();
        assert!(parts.len() == 3 && parts[1].starts_with("pgwarden_"), "{}", rule.name());
    }
}

/// Two exporters may call their servers by the same name, and teams route by labels of their own.
#[test]
fn every_alert_tells_which_exporter_speaks() {
    let reference = reference();
    for alert in alerts() {
        let labels = reference.examine(&alert.expr).labels;
        assert!(labels.contains("job") && labels.contains("instance"), "{}: {labels:?}", alert.name());
    }
}
