//! The panels of the dashboards, asked of the Prometheus of the drill.

use super::stage::{Stage, Watch};
use crate::dashboards::{all, label_variables, list, panels, text};

/// What panels show nothing of, although everything burns.
pub async fn without_data(stage: &Stage) -> Vec<String> {
    let mut empty = Vec::new();
    for dashboard in all() {
        let variables: Vec<_> =
            label_variables(&dashboard).map(|variable| (text(variable, "name"), text(variable, "allValue"))).collect();
        for panel in panels(&dashboard) {
            for target in list(panel, "targets") {
                let expression = fill(text(target, "expr"), &variables);
                for watch in &stage.watches {
                    if !has_data(watch, &expression).await {
                        empty.push(format!("{:?}: {}: no data: {expression}", watch.release, panel["title"]));
                    }
                }
            }
        }
    }
    empty
}

/// An expression with every variable at All, over the time of the drill.
fn fill(expression: &str, variables: &[(&str, &str)]) -> String {
    let mut variables = [variables, &[("__rate_interval", "3m"), ("__range", "3m")]].concat();
    // A name may begin with another one.
    variables.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
    variables.iter().fold(expression.to_owned(), |filled, (name, value)| filled.replace(&format!("${name}"), value))
}

async fn has_data(watch: &Watch, expression: &str) -> bool {
    watch.prometheus.query(expression).await.iter().any(|sample| !sample.value.is_nan())
}
