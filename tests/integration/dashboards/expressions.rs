//! The panels' PromQL: it makes sense on the metrics and labels that there are, and follows the variables.

use std::collections::BTreeSet;

use promql_parser::label::MatchOp;
use promql_parser::parser::{self, Expr, VectorSelector};
use promql_parser::util::{ExprVisitor, walk_expr};
use serde_json::Value;

use super::{all, label_variables, list, panels, text};
use crate::support::promql::{Examined, Labels, Reference};

/// Who waits for whom is shown in whatever schema it happens, and none at all may have to do with it.
const IN_ANY_SCHEMA: &str = "pgwarden_stuck_migration_info";

/// A selector of an expression.
#[derive(Debug)]
pub struct Selector {
    metric: String,
    /// Label, operator and value of each matcher, as written.
    matchers: Vec<(String, MatchOp, String)>,
}

impl Selector {
    /// The variables that it follows, each on the label of its name; `|$name` also keeps what lacks the label.
    pub fn variables(&self) -> Vec<&str> {
        let follows = |label: &str, value: &str| value.trim_start_matches('|').strip_prefix('$') == Some(label);
        self.matchers
            .iter()
            .filter(|(label, operator, value)| matches!(operator, MatchOp::Re(_)) && follows(label, value))
            .map(|(label, _, _)| label.as_str())
            .collect()
    }
}

struct Selectors(Vec<Selector>);

impl ExprVisitor for Selectors {
    type Error = String;

    fn pre_visit(&mut self, expression: &Expr) -> Result<bool, String> {
        match expression {
            Expr::VectorSelector(selector) => self.0.push(read(selector)),
            Expr::MatrixSelector(selector) => self.0.push(read(&selector.vs)),
            _ => {}
        }
        Ok(true)
    }
}

fn read(selector: &VectorSelector) -> Selector {
    let matchers = selector.matchers.matchers.iter();
    Selector {
        metric: selector.name.clone().expect("a selector names its metric"),
        matchers: matchers.map(|matcher| (matcher.name.clone(), matcher.op.clone(), matcher.value.clone())).collect(),
    }
}

/// PromQL as Prometheus gets it, but for the variables in its matchers.
fn promql(expression: &str) -> String {
    expression.replace("$__rate_interval", "2m").replace("$__range", "1h")
}

/// The selectors of an expression.
pub fn selectors(expression: &str) -> Vec<Selector> {
    let parsed = parser::parse(&promql(expression)).unwrap_or_else(|error| panic!("{expression}: {error}"));
    let mut selectors = Selectors(Vec::new());
    walk_expr(&mut selectors, &parsed).unwrap();
    selectors.0
}

/// Every panel with its place, and what its targets ask for.
fn examined() -> Vec<(String, Value, Vec<Examined>)> {
    let reference = Reference::of_the_exporter();
    let mut result = Vec::new();
    for dashboard in all() {
        for panel in panels(&dashboard) {
            let examined: Vec<_> =
                list(panel, "targets").iter().map(|target| reference.examine(&promql(text(target, "expr")))).collect();
            assert!(!examined.is_empty(), "{}", panel["title"]);
            result.push((format!("{}: {}", text(&dashboard, "uid"), text(panel, "title")), panel.clone(), examined));
        }
    }
    result
}

#[test]
fn every_metric_exists_and_has_the_labels_that_are_asked_for() {
    for (place, _, examined) in examined() {
        for target in examined {
            assert_eq!(target.problems, Vec::<String>::new(), "{place}");
        }
    }
}

#[test]
fn a_legend_speaks_of_labels_that_its_lines_have() {
    for (place, panel, examined) in examined() {
        for (target, examined) in list(&panel, "targets").iter().zip(examined) {
            let legend = target["legendFormat"].as_str().unwrap_or_default();
            for label in legend.split("{{").skip(1).map(|rest| rest.split("}}").next().unwrap()) {
                assert!(examined.labels.contains(label), "{place}: its lines have no label {label}");
            }
        }
    }
}

#[test]
fn a_table_is_joined_on_labels_that_all_its_queries_have_and_shows_labels_that_one_has() {
    for (place, panel, examined) in examined().into_iter().filter(|(_, panel, _)| panel["type"] == "table") {
        let shared = examined.iter().map(|target| &target.labels).fold(None, |shared: Option<Labels>, labels| {
            Some(shared.map_or_else(|| labels.clone(), |shared| &shared & labels))
        });
        assert!(!shared.unwrap().is_empty(), "{place}: nothing to join on");
        let some: BTreeSet<_> = examined.iter().flat_map(|target| &target.labels).collect();
        let names = list(&panel, "transformations").iter().find_map(|step| step["options"]["renameByName"].as_object());
        for label in names.unwrap().keys().filter(|field| !field.starts_with("Value")) {
            assert!(some.contains(label), "{place}: nothing brings the label {label}");
        }
    }
}

/// A variable that a metric has the label of, and does not follow, would show the same whatever is chosen.
#[test]
fn every_selector_follows_the_variables_that_its_metric_has_labels_for() {
    let reference = Reference::of_the_exporter();
    for dashboard in all() {
        let variables: Vec<_> = label_variables(&dashboard).map(|variable| text(variable, "name")).collect();
        let targets = panels(&dashboard).flat_map(|panel| list(panel, "targets"));
        for selector in targets.flat_map(|target| selectors(text(target, "expr"))) {
            let known = reference.labels(&selector.metric).unwrap();
            let free = |name: &str| selector.metric == IN_ANY_SCHEMA && name == "schemaname";
            let expected = variables.iter().copied().filter(|name| known.contains(*name) && !free(name));
            assert_eq!(selector.variables(), expected.collect::<Vec<_>>(), "{}: {}", dashboard["uid"], selector.metric);
        }
    }
}

#[test]
fn rates_are_over_the_interval_that_grafana_derives_from_the_scrapes() {
    for dashboard in all() {
        for target in panels(&dashboard).flat_map(|panel| list(panel, "targets")) {
            let expression = text(target, "expr");
            let ranges = expression.split('[').skip(1).map(|rest| rest.split(']').next().unwrap());
            let (rates, others): (Vec<_>, Vec<_>) = ranges.partition(|range| *range == "$__rate_interval");
            assert_eq!(rates.len(), expression.matches("rate(").count(), "{expression}");
            assert!(others.iter().all(|range| *range == "$__range"), "{expression}");
        }
    }
}
