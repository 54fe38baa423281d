//! Every alert has a page, and every page an alert.

use std::collections::BTreeSet;
use std::fs;

use super::rules::{alerts, folder, reference};
use crate::support::{Cluster, Database, Pgwarden, on_majors};

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

/// Names of metrics in a text, ours and those that the rules record.
fn metrics_in(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|sign: char| !sign.is_ascii_alphanumeric() && sign != '_' && sign != ':');
    words
        .map(|word| word.trim_end_matches(':'))
        .filter(|word| word.split(':').any(|part| part.starts_with("pgwarden_")))
}

#[test]
fn every_metric_that_a_page_or_a_text_speaks_of_exists() {
    let pages = names().into_iter().map(|name| folder("docs/runbooks").join(format!("{name}.md")));
    let texts = pages.map(|path| fs::read_to_string(path).unwrap());
    let (reference, mut seen) = (reference(), 0);
    for text in texts.chain(alerts().into_iter().flat_map(|alert| alert.annotations.into_values())) {
        for metric in metrics_in(&text) {
            assert!(reference.labels(metric).is_some(), "{metric} in {text}");
            seen += 1;
        }
    }
    assert!(seen > 10);
}

/// The blocks of a language in the page of an alert.
fn blocks(name: &str, language: &str) -> Vec<String> {
    let page = fs::read_to_string(folder("docs/runbooks").join(format!("{name}.md"))).unwrap();
    let fenced = page.split("```").skip(1).step_by(2);
    fenced.filter_map(|block| block.strip_prefix(language)?.strip_prefix('\n').map(str::to_owned)).collect()
}

/// Commands within the texts of the alerts: `pgwarden locks --target {{ ... }}`.
fn commands_in_texts() -> Vec<String> {
    let texts = alerts().into_iter().flat_map(|alert| alert.annotations.into_values());
    texts.flat_map(|text| text.split('`').skip(1).step_by(2).map(plain).collect::<Vec<_>>()).collect()
}

/// A text with a word in place of each of its templates.
fn plain(text: &str) -> String {
    let mut parts = text.split("{{");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |plain, part| plain + "1" + part.split_once("}}").map_or("", |(_, rest)| rest))
}

#[tokio::test]
async fn every_command_of_ours_is_one_that_we_have() {
    let of_pages = names().into_iter().flat_map(|name| blocks(&name, "sh"));
    let of_pages = of_pages.flat_map(|block| block.lines().map(str::to_owned).collect::<Vec<_>>());
    let commands: BTreeSet<_> = of_pages.chain(commands_in_texts()).filter(|it| it.starts_with("pgwarden ")).collect();
    assert!(commands.len() > 10, "{commands:?}");
    for command in commands {
        let arguments = command.split(' ').skip(1).map(|word| if word == "PID" { "1" } else { word });
        let output = Pgwarden::new(arguments.chain(["--help"])).env("PGWARDEN_CONFIG", "config.toml").run().await;
        assert_eq!(output.code, 0, "{command}: {}", output.stderr);
    }
}

/// What the pages speak of: a table with an index, a foreign key and a revision.
const SHOP: &str = "
    CREATE TABLE public.alembic_version (version_num varchar(32) PRIMARY KEY);
    CREATE TABLE public.customers (id bigint PRIMARY KEY);
    CREATE TABLE public.orders (id bigint PRIMARY KEY, customer_id bigint);
    CREATE INDEX orders_customer_idx ON public.orders (customer_id);
    ALTER TABLE public.orders ADD CONSTRAINT orders_customer_fkey
        FOREIGN KEY (customer_id) REFERENCES public.customers NOT VALID;
    ";

/// Runs the statements of a page, with the test's own database and role in place of the page's.
async fn run_statements(name: &str, database: &Database<'_>) {
    let session = database.session().await;
    let role = &database.name;
    session.execute(SHOP).await;
    session.execute(&format!("CREATE ROLE {role}")).await;
    for block in blocks(name, "sql") {
        let block = block.replace("DATABASE app", &format!("DATABASE {}", database.name));
        let block = block.replace("TO pgwarden", &format!("TO {role}")).replace("'pgwarden'", &format!("'{role}'"));
        // One by one, as psql sends them: some must not be in a transaction with others.
        for statement in block.split(";\n").filter(|statement| !statement.trim().is_empty()) {
            session.execute(statement).await;
        }
    }
    session.execute(&format!("DROP OWNED BY {role}; DROP ROLE {role}")).await;
}

on_majors! {
    [pg13 = 13, pg18 = 18]
    async fn every_statement_on_the_pages_runs(major: Major) {
        let pages: Vec<_> = names().into_iter().filter(|name| !blocks(name, "sql").is_empty()).collect();
        assert!(pages.len() > 10, "{pages:?}");
        for name in pages {
            run_statements(&name, &Cluster::shared(major).database().await).await;
        }
    }
}
