//! Who watches the drill: each Prometheus with an Alertmanager and a webhook of its own, all on the same exporters.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::shipped::{self, Rule, Rules};
use crate::support::{Alert, Alertmanager, Exporter, Prometheus, Release, Webhook, wait_until};

/// How long an alert may take on a busy machine, from the fault to the webhook.
const PATIENCE: Duration = Duration::from_secs(45);

/// One chain from the scrape to the webhook.
pub struct Watch {
    /// The version of Prometheus.
    pub release: Release,
    /// It scrapes all exporters as the job "pgwarden".
    pub prometheus: Prometheus,
    /// It has the shipped routes and inhibitions.
    pub alertmanager: Alertmanager,
    /// It gets whatever is not inhibited.
    pub webhook: Webhook,
}

impl Watch {
    async fn start(release: Release, rules: &Rules, exporters: &[&Exporter]) -> Self {
        let webhook = Webhook::listen().await;
        let alertmanager = Alertmanager::start(&shipped::alertmanager(&webhook.url)).await;
        let targets: Vec<_> = exporters.iter().map(|exporter| exporter.url.trim_start_matches("http://")).collect();
        let config = serde_json::json!({
            "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
            "rule_files": [rules.pattern()],
            "alerting": {"alertmanagers": [{"static_configs": [{"targets": [alertmanager.address]}]}]},
            "scrape_configs": [{"job_name": "pgwarden", "static_configs": [{"targets": targets}]}],
        });
        let prometheus = Prometheus::start(release, &config.to_string()).await;
        Self { release, prometheus, alertmanager, webhook }
    }

    /// Whether Alertmanager knows an alert and keeps it to itself because another one tells of the cause.
    async fn is_inhibited(&self, alarm: &Alarm<'_>) -> bool {
        self.alertmanager.alerts().await.iter().any(|alert| {
            let has = |(name, value): &(&str, &str)| alert["labels"][name].as_str().unwrap_or_default() == *value;
            let inhibitors = alert["status"]["inhibitedBy"].as_array();
            alarm.labels().iter().all(has) && inhibitors.is_some_and(|inhibitors| !inhibitors.is_empty())
        })
    }
}

/// An alert that a fault must raise: its name, its severity and the labels that tell it from others.
#[derive(Clone, Copy, Debug)]
pub struct Alarm<'a> {
    name: &'a str,
    severity: &'a str,
    labels: &'a [(&'a str, &'a str)],
}

impl<'a> Alarm<'a> {
    /// One that wakes somebody up.
    pub fn critical(name: &'a str, labels: &'a [(&'a str, &'a str)]) -> Self {
        Self { name, severity: "critical", labels }
    }

    /// One for working hours.
    pub fn warning(name: &'a str, labels: &'a [(&'a str, &'a str)]) -> Self {
        Self { name, severity: "warning", labels }
    }

    /// One to look at some day.
    pub fn info(name: &'a str, labels: &'a [(&'a str, &'a str)]) -> Self {
        Self { name, severity: "info", labels }
    }

    fn labels(&self) -> Vec<(&'a str, &'a str)> {
        [("alertname", self.name), ("severity", self.severity)].into_iter().chain(self.labels.iter().copied()).collect()
    }

    /// Whether an alert has its labels, whatever the severity.
    fn concerns(&self, labels: &BTreeMap<String, String>) -> bool {
        self.labels.iter().all(|(name, value)| labels.get(*name).is_some_and(|it| it == value))
    }

    /// What is wrong with what somebody reads who is called: whole sentences must name what the labels name.
    fn blunders(&self, alert: &Alert) -> Vec<String> {
        let mut blunders = Vec::new();
        let text = |name: &str| alert.annotations.get(name).map_or("", String::as_str);
        let (summary, description) = (text("summary"), text("description"));
        for (name, value) in self.labels {
            let place = matches!(*name, "target" | "datname");
            if !summary.contains(value) && (place || !description.contains(value)) {
                blunders.push(format!("{name} {value} is not named in {summary:?} and {description:?}"));
            }
        }
        for text in [summary, description] {
            // An ellipsis is no blunder.
            let text = text.replace("...", "…");
            let signs = ["<no value>", "%!", "<error", "NaN", "  ", " , ", " . ", " ; ", "()", "..", "\n"];
            let found: Vec<_> = signs.into_iter().filter(|sign| text.contains(sign)).collect();
            if !found.is_empty() || text.is_empty() || text.trim() != text.as_str() {
                blunders.push(format!("{found:?} in {text:?}"));
            }
        }
        if !description.ends_with('.') {
            blunders.push(format!("no full stop at the end of {description:?}"));
        }
        if !text("runbook_url").ends_with(&format!("docs/runbooks/{}.md", self.name)) {
            blunders.push(format!("{:?} is not its runbook", text("runbook_url")));
        }
        blunders
    }
}

/// What was seen of the drill so far.
#[derive(Debug, Default)]
struct Seen {
    expected: Vec<(String, Vec<(String, String)>)>,
    proven: BTreeSet<Rule>,
    complaints: Vec<String>,
}

/// The whole drill, shared by all faults.
pub struct Stage {
    /// One chain per release of Prometheus.
    pub watches: Vec<Watch>,
    /// What the rules say.
    pub rules: Rules,
    seen: Mutex<Seen>,
    burning: watch::Sender<usize>,
    repair: watch::Sender<bool>,
}

impl Stage {
    /// Sets the watches up.
    pub async fn set(rules: Rules, exporters: &[&Exporter]) -> Self {
        let mut watches = Vec::new();
        for release in Release::ALL {
            watches.push(Watch::start(release, &rules, exporters).await);
        }
        let stage = Self {
            watches,
            rules,
            seen: Mutex::default(),
            burning: watch::Sender::new(0),
            repair: watch::Sender::new(false),
        };
        for watch in &stage.watches {
            let scraped = format!("{:?} has scraped every exporter", watch.release);
            wait_until(&scraped, PATIENCE, async || {
                watch.prometheus.value("sum(up)").await == Some(exporters.len() as f64)
            })
            .await;
        }
        stage
    }

    /// Waits until every webhook has been told of an alert, in words that help.
    pub async fn fires(&self, alarm: Alarm<'_>) {
        self.expects(alarm);
        for watch in &self.watches {
            let fired = async || watch.webhook.last(alarm.name, &alarm.labels()[1..], Some("firing"));
            let Some(alert) = self.wait(watch, alarm, "fires", fired).await else { continue };
            for blunder in alarm.blunders(&alert) {
                self.complain(watch, alarm, &blunder);
            }
        }
    }

    /// Waits until every webhook has been told that an alert, which has fired, is over.
    pub async fn resolves(&self, alarm: Alarm<'_>) {
        let mut everywhere = true;
        for watch in &self.watches {
            let over = async || {
                let last = watch.webhook.last(alarm.name, &alarm.labels()[1..], None);
                last.filter(|alert| alert.status == "resolved")
            };
            everywhere &= self.wait(watch, alarm, "resolves", over).await.is_some();
        }
        if everywhere {
            let rule = (alarm.name.to_owned(), alarm.severity.to_owned());
            self.seen.lock().unwrap().proven.insert(rule);
        }
    }

    /// A side effect of a fault: it may fire, and is no surprise.
    pub fn expects(&self, alarm: Alarm<'_>) {
        let labels =
            alarm.labels()[1..].iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        self.seen.lock().unwrap().expected.push((alarm.name.to_owned(), labels));
    }

    /// Waits until every Alertmanager has an alert and keeps it to itself.
    pub async fn inhibits(&self, alarm: Alarm<'_>) {
        for watch in &self.watches {
            let inhibited = async || watch.is_inhibited(&alarm).await.then_some(());
            self.wait(watch, alarm, "is inhibited", inhibited).await;
            if let Some(alert) = watch.webhook.last(alarm.name, &alarm.labels()[1..], None) {
                self.complain(watch, alarm, &format!("it was sent all the same: {alert:?}"));
            }
        }
    }

    /// Says that a fault burns, and waits for the moment to repair it: when all do and have been looked at.
    pub async fn burns(&self) {
        self.burning.send_modify(|burning| *burning += 1);
        self.repair.subscribe().wait_for(|repair| *repair).await.expect("the stage stands");
    }

    /// Waits until so many faults burn at the same time.
    pub async fn until_all_burn(&self, faults: usize) {
        self.burning.subscribe().wait_for(|burning| *burning == faults).await.expect("the stage stands");
    }

    /// Has all faults repaired.
    pub fn repair(&self) {
        self.repair.send_replace(true);
    }

    /// What went wrong, all of it: one fault does not hide the others.
    pub fn complaints(&self) -> Vec<String> {
        self.seen.lock().unwrap().complaints.clone()
    }

    fn complain(&self, watch: &Watch, alarm: Alarm<'_>, complaint: &str) {
        let complaint = format!("{:?} Prometheus, {alarm:?}: {complaint}", watch.release);
        self.seen.lock().unwrap().complaints.push(complaint);
    }

    /// Waits for what must happen to an alarm, and complains if it does not.
    async fn wait<T>(
        &self,
        watch: &Watch,
        alarm: Alarm<'_>,
        event: &str,
        mut probe: impl AsyncFnMut() -> Option<T>,
    ) -> Option<T> {
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            if let Some(found) = probe().await {
                return Some(found);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let known = watch.prometheus.query(&format!("ALERTS{{alertname={:?}}}", alarm.name)).await;
        let known: Vec<_> = known.into_iter().map(|alert| alert.labels).filter(|it| alarm.concerns(it)).collect();
        self.complain(watch, alarm, &format!("it never {event}; Prometheus has {known:?}"));
        None
    }

    /// All (alert, severity) that have fired and resolved everywhere.
    pub fn proven(&self) -> BTreeSet<Rule> {
        self.seen.lock().unwrap().proven.clone()
    }

    /// What was received although no fault explains it.
    pub fn unexpected(&self) -> Vec<String> {
        let seen = self.seen.lock().unwrap();
        let explained = |alert: &Alert| {
            seen.expected.iter().any(|(name, labels)| {
                let labels: Vec<_> = labels.iter().map(|(name, value)| (&**name, &**value)).collect();
                alert.is(name, &labels)
            })
        };
        let received = self.watches.iter().flat_map(|watch| watch.webhook.received());
        let surprises: BTreeSet<_> =
            received.filter(|alert| !explained(alert)).map(|it| format!("{:?}", it.labels)).collect();
        surprises.into_iter().collect()
    }
}
