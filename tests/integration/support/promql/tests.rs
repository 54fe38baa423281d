//! The examination itself.

use super::{Kind, Labels, Reference};

fn reference() -> Reference {
    let mut reference = Reference::of_the_exporter();
    for (name, kind, labels) in [
        ("gauge", Kind::Gauge, &["job", "target", "datname"][..]),
        ("other", Kind::Gauge, &["job", "target", "datname"]),
        ("limit", Kind::Gauge, &["job", "target"]),
        ("events_total", Kind::Counter, &["job", "target"]),
    ] {
        reference.add(name, kind, labels.iter().map(|label| (*label).to_owned()).collect());
    }
    reference
}

#[track_caller]
fn has(expression: &str, labels: &[&str]) {
    let examined = reference().examine(expression);
    assert_eq!(examined.problems, Vec::<String>::new(), "{expression}");
    assert_eq!(examined.labels, labels.iter().map(|label| (*label).to_owned()).collect::<Labels>(), "{expression}");
}

#[track_caller]
fn lacks(expression: &str, problem: &str) {
    let problems = reference().examine(expression).problems;
    assert!(problems.len() == 1 && problems[0].contains(problem), "{expression}: {problems:?}");
}

#[test]
fn the_reference_has_what_the_exporter_has() {
    let reference = Reference::of_the_exporter();
    let labels = |name: &str| reference.labels(name).unwrap().iter().cloned().collect::<Vec<_>>().join(" ");
    assert_eq!(labels("pgwarden_up"), "instance job target");
    assert_eq!(labels("pgwarden_lock_wait_seconds_bucket"), "instance job le target");
    assert_eq!(labels("pgwarden_table_size_bytes"), "datname instance job relname schemaname target");
    assert!(reference.labels("pgwarden_lock_wait_seconds").is_none(), "a histogram has no series of its own name");
}

#[test]
fn labels_survive_what_keeps_them() {
    has("gauge > 5", &["job", "target", "datname"]);
    has("sum by (target) (gauge)", &["target"]);
    has("max without (datname) (gauge)", &["job", "target"]);
    has("topk(3, gauge)", &["job", "target", "datname"]);
    has("sum(gauge)", &[]);
    has("gauge / on (job, target) group_left () limit", &["job", "target", "datname"]);
    has("gauge / on (target) limit", &["target"]);
    has("limit * on (job, target) group_right () gauge", &["job", "target", "datname"]);
    has("gauge / ignoring (datname) group_left () limit", &["job", "target", "datname"]);
    has("gauge or limit", &["job", "target", "datname"]);
    has("gauge unless on (target) limit", &["job", "target", "datname"]);
    has("time() - gauge", &["job", "target", "datname"]);
    has("rate(events_total[5m])", &["job", "target"]);
    has("absent(gauge{job=\"a\",target=~\"b.+\"})", &["job"]);
    has("label_replace(limit, \"datname\", \"$1\", \"target\", \"(.+)\")", &["job", "target", "datname"]);
    has("histogram_quantile(0.9, sum by (le, target) (rate(pgwarden_lock_wait_seconds_bucket[5m])))", &["target"]);
    has("count_over_time(events_total[5m])", &["job", "target"]);
}

#[test]
fn what_does_not_exist_is_found() {
    lacks("nothing", "there is no metric nothing");
    lacks("gauge{relname=\"x\"}", "no label relname in gauge");
    lacks("sum by (relname) (gauge)", "no label relname");
    lacks("gauge * on (target, datname) group_left () limit", "no label datname");
    lacks("limit * on (target) group_left (relname) gauge", "no label relname in group_left");
    lacks("{target=\"x\"}", "names no metric");
    lacks("sum(gauge", "cannot be parsed");
}

#[test]
fn sides_that_never_match_are_found() {
    lacks("gauge / limit", "differ in datname");
    lacks("gauge and limit", "differ in datname");
    lacks("gauge / ignoring (job) limit", "differ in datname");
    has("gauge / other", &["job", "target", "datname"]);
}

#[test]
fn counters_are_read_by_their_growth_over_enough_scrapes() {
    lacks("events_total > 5", "means nothing without rate");
    lacks("rate(gauge[5m])", "no counter");
    lacks("rate(events_total[1m])", "shorter than four scrapes");
}

#[test]
fn regular_expressions_are_needed_and_not_anchored_twice() {
    lacks("gauge{target=~\"main\"}", "needs no regular expression");
    lacks("gauge{target=~\"^main.*\"}", "anchored anyway");
    has("gauge{target=~\"main|other\"}", &["job", "target", "datname"]);
}
