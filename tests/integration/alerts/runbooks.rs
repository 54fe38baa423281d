//! Every alert has a page, and every page an alert.

use std::collections::BTreeSet;
use std::fs;

use super::rules::{alerts, folder};

/// Where the pages are read; alerts/README.md says how to change it.
const BASE: &str = "https://github.com/pgwarden/pgwarden/blob/main/docs/runbooks";

const SECTIONS: [&str; 5] = ["## Meaning", "## Impact", "## Diagnosis", "## Mitigation", "## False alarms"];

fn names() -> BTreeSet<String> {
    alerts().iter().map(|alert| alert.name().to_owned()).collect()
}

#[test]
fn every_alert_leads_to_its_page() {
    for alert in alerts() {
        let name = alert.name();
        assert_eq!(alert.annotations["runbook_url"], format!("{BASE}/{name}.md"), "{name}");
    }
}

#[test]
fn every_alert_has_a_page_and_every_page_an_alert() {
    let entries = fs::read_dir(folder("docs/runbooks")).unwrap().map(|entry| entry.unwrap().path());
    let pages: BTreeSet<_> = entries.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
    assert_eq!(pages, names());
}

#[test]
fn every_page_says_what_it_means_and_what_to_do() {
    for name in names() {
        let page = fs::read_to_string(folder("docs/runbooks").join(format!("{name}.md"))).unwrap();
        assert!(page.starts_with(&format!("# {name}\n")), "{name}");
        let headings: Vec<_> = page.lines().filter(|line| line.starts_with("## ")).collect();
        assert_eq!(headings, SECTIONS, "{name}");
    }
}
