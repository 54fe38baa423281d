//! The texts of the alerts say what they say of what there is.

use std::collections::BTreeSet;

use super::rules::{Rule, alerts, reference};
use crate::support::promql::{Labels, Reference};

/// The words that follow a prefix in a text: `$labels.target` and the like.
fn words_after(text: &str, prefix: &str) -> BTreeSet<String> {
    let rest = text.split(prefix).skip(1);
    rest.map(|rest| rest.chars().take_while(|sign| sign.is_alphanumeric() || *sign == '_').collect()).collect()
}

/// The queries that a text makes when it is rendered, with something in place of what they fill in.
fn queries(text: &str) -> impl Iterator<Item = String> {
    let formats = text.split("(printf \"").skip(1).map(|rest| rest.split('"').next().unwrap_or_default());
    formats.map(|format| format.replace("%q", "\"x\""))
}

fn labels(reference: &Reference, alert: &Rule) -> Labels {
    reference.examine(&alert.expr).labels.into_iter().chain(alert.labels.keys().cloned()).collect()
}

#[test]
fn labels_in_texts_are_labels_of_the_alert() {
    let reference = reference();
    for alert in alerts() {
        let labels = labels(&reference, &alert);
        for text in alert.annotations.values() {
            for label in words_after(text, "$labels.") {
                assert!(labels.contains(&label), "{}: {label} in {text}", alert.name());
            }
        }
    }
}

#[test]
fn queries_in_texts_ask_for_what_there_is() {
    let reference = reference();
    let mut seen = 0;
    for alert in alerts() {
        for text in alert.annotations.values() {
            let mut labels = Labels::new();
            for query in queries(text) {
                let examined = reference.examine(&query);
                assert_eq!(examined.problems, Vec::<String>::new(), "{}: {query}", alert.name());
                labels.extend(examined.labels);
                seen += 1;
            }
            for label in words_after(text, ".Labels.") {
                assert!(labels.contains(&label), "{}: {label} in {text}", alert.name());
            }
        }
    }
    assert!(seen > 0, "no text was found to ask anything");
}

#[test]
fn the_summary_names_server_and_database_and_the_texts_name_the_object() {
    let reference = reference();
    for alert in alerts() {
        let labels = labels(&reference, &alert);
        let (summary, description) = (&alert.annotations["summary"], &alert.annotations["description"]);
        for label in ["target", "datname"].iter().filter(|label| labels.contains(**label)) {
            assert!(summary.contains(&format!("$labels.{label}")), "{}: {label} in {summary}", alert.name());
        }
        let objects = ["relname", "indexrelname", "conname", "collector", "privilege", "application"];
        for label in objects.iter().filter(|label| labels.contains(**label)) {
            let both = format!("{summary} {description}");
            assert!(both.contains(&format!("$labels.{label}")), "{}: {label}", alert.name());
        }
    }
}

#[test]
fn no_number_is_shown_as_it_comes() {
    for alert in alerts() {
        for text in alert.annotations.values() {
            let raw = ["{{ $value }}", "{{$value}}", "{{ .Value }}"].iter().find(|raw| text.contains(**raw));
            assert_eq!(raw, None, "{}: {text}", alert.name());
        }
    }
}
