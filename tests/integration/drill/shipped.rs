//! The rules and the routing as they are shipped, with time running faster.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use promql_parser::parser::{self, Expr, Offset, VectorSelector};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Days become seconds: the 24 hours of growth are 6 s, and its eight days are less than a minute.
const ACCELERATION: u32 = 14_400;

/// Windows that only bridge gaps of scraping must still do so.
const SHORTEST_WINDOW: Duration = Duration::from_secs(15);

/// What takes its time in production, and what a test cannot fill: the records of the thresholds, by name and severity,
/// each with its highest number in a drill. All others stay as they are.
const THRESHOLDS: [(&str, &str, f64); 10] = [
    ("target:pgwarden_lock_wait_seconds:threshold", "", 3.0),
    ("target:pgwarden_transaction_age_seconds:threshold", "", 30.0),
    ("target:pgwarden_idle_in_transaction_age_seconds:threshold", "", 25.0),
    ("target:pgwarden_prepared_transaction_age_seconds:threshold", "", 25.0),
    ("target:pgwarden_invalid_index_age_seconds:threshold", "", 3.0),
    ("target:pgwarden_unvalidated_constraint_age_seconds:threshold", "", 3.0),
    ("target:pgwarden_table_growth_bytes:threshold", "", 5e6),
    // 32,000 and 100,000 ids.
    ("target:pgwarden_database_unfrozen_ratio:threshold", "warning", 1.5e-5),
    ("target:pgwarden_database_unfrozen_ratio:threshold", "critical", 4.6e-5),
    ("collector:pgwarden_collector_age_seconds:threshold", "", 30.0),
];

/// An alert and one of its severities.
pub type Rule = (String, String);

/// The rule files, in a folder for Prometheus.
#[derive(Debug)]
pub struct Rules {
    /// All alerting rules.
    pub alerts: BTreeSet<Rule>,
    folder: TempDir,
}

impl Rules {
    /// Reads the shipped files. An alert fires after the time that it has to last, but after `patience` at most.
    pub fn accelerated(patience: Duration) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let mut alerts = BTreeSet::new();
        let thresholds =
            THRESHOLDS.map(|(record, severity, number)| ((record.to_owned(), severity.to_owned()), number));
        let mut thresholds = BTreeMap::from(thresholds);
        for path in files().into_iter().filter(|path| !path.ends_with("alertmanager.yaml")) {
            let mut file = read(&path);
            let groups = file["groups"].as_array_mut().expect("a rule file has groups");
            let rules = groups.iter_mut().flat_map(|group| group["rules"].as_array_mut().expect("a group has rules"));
            for rule in rules {
                let severity = text(&rule["labels"]["severity"]).to_owned();
                let threshold = thresholds.remove(&(text(&rule["record"]).to_owned(), severity.clone()));
                let mut expression =
                    parser::parse(text(&rule["expr"])).unwrap_or_else(|error| panic!("{rule}: {error}"));
                accelerate(&mut expression);
                rule["expr"] = match threshold {
                    Some(number) => format!("clamp_max({expression}, {number})").into(),
                    None => expression.to_string().into(),
                };
                if let Some(lasts) = rule.get_mut("for") {
                    let shipped = humantime::parse_duration(text(lasts)).expect("a duration");
                    *lasts = format!("{}s", shipped.min(patience).as_secs()).into();
                }
                if !text(&rule["alert"]).is_empty() {
                    alerts.insert((text(&rule["alert"]).to_owned(), severity));
                }
            }
            let name = path.file_name().expect("a file has a name");
            // YAML holds all JSON.
            fs::write(folder.path().join(name), file.to_string()).expect("a rule file can be written");
        }
        assert!(thresholds.is_empty(), "no such thresholds: {thresholds:?}");
        Self { alerts, folder }
    }

    /// The files, as Prometheus wants them.
    pub fn pattern(&self) -> String {
        self.folder.path().join("*.yaml").display().to_string()
    }
}

/// Alertmanager's example, sending everything to one webhook and without the waits that are for people.
pub fn alertmanager(webhook: &str) -> String {
    let path = folder().join("alertmanager.yaml");
    let mut config = read(&path);
    for receiver in config["receivers"].as_array_mut().expect("there are receivers") {
        *receiver = json!({"name": receiver["name"], "webhook_configs": [{"url": webhook, "send_resolved": true}]});
    }
    hurry(&mut config["route"]);
    config.to_string()
}

fn hurry(route: &mut Value) {
    route["group_wait"] = "1s".into();
    route["group_interval"] = "1s".into();
    for child in route["routes"].as_array_mut().into_iter().flatten() {
        hurry(child);
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("alerts")
}

fn files() -> Vec<PathBuf> {
    let entries = fs::read_dir(folder()).expect("the rules are there").map(|entry| entry.expect("it can be listed"));
    entries.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|it| it == "yaml")).collect()
}

fn read(path: &Path) -> Value {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    yaml_serde::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Shortens what an expression looks back on.
fn accelerate(expression: &mut Expr) {
    match expression {
        Expr::Binary(binary) => {
            accelerate(&mut binary.lhs);
            accelerate(&mut binary.rhs);
        }
        Expr::MatrixSelector(selector) => {
            selector.range = (selector.range / ACCELERATION).max(SHORTEST_WINDOW);
            offset(&mut selector.vs);
        }
        Expr::VectorSelector(selector) => offset(selector),
        Expr::Aggregate(aggregate) => accelerate(&mut aggregate.expr),
        Expr::Unary(unary) => accelerate(&mut unary.expr),
        Expr::Paren(paren) => accelerate(&mut paren.expr),
        Expr::Call(call) => call.args.args.iter_mut().for_each(|argument| accelerate(argument)),
        Expr::NumberLiteral(_) | Expr::StringLiteral(_) => {}
        Expr::Subquery(_) | Expr::Extension(_) => panic!("nobody has said how to hurry {expression}"),
    }
}

fn offset(selector: &mut VectorSelector) {
    if let Some(Offset::Pos(duration) | Offset::Neg(duration)) = &mut selector.offset {
        *duration /= ACCELERATION;
    }
}
