//! The Prometheus text format, read for assertions.

use std::collections::BTreeMap;

/// Everything that one scrape says, in its order.
#[derive(Clone, Debug, Default)]
pub struct Exposition {
    /// The samples.
    pub samples: Vec<Sample>,
    /// The TYPE of each family.
    pub types: BTreeMap<String, String>,
    /// The HELP of each family, as it is written.
    pub helps: BTreeMap<String, String>,
}

/// One sample.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// Its name, with `_bucket` and the like.
    pub name: String,
    /// Its labels, without escapes.
    pub labels: BTreeMap<String, String>,
    /// Its value.
    pub value: f64,
}

impl Sample {
    /// Whether it has all of these labels.
    pub fn matches(&self, labels: &[(&str, &str)]) -> bool {
        labels.iter().all(|(name, value)| self.label(name) == Some(value))
    }

    /// The value of a label.
    pub fn label(&self, name: &str) -> Option<&str> {
        self.labels.get(name).map(String::as_str)
    }
}

impl Exposition {
    /// Reads text format 0.0.4, which must be well-formed.
    pub fn parse(text: &str) -> Self {
        let mut exposition = Self::default();
        for line in text.lines().filter(|line| !line.is_empty()) {
            let mut words = line.splitn(4, ' ');
            match (words.next(), words.next(), words.next(), words.next()) {
                (Some("#"), Some("TYPE"), Some(name), Some(kind)) => {
                    exposition.types.insert(name.to_owned(), kind.to_owned());
                }
                (Some("#"), Some("HELP"), Some(name), help) => {
                    exposition.helps.insert(name.to_owned(), help.unwrap_or_default().to_owned());
                }
                (Some("#"), ..) => {}
                _ => {
                    let sample = sample(line).unwrap_or_else(|| panic!("not a sample: {line}"));
                    exposition.samples.push(sample);
                }
            }
        }
        exposition
    }

    /// The samples of a name that have all of these labels.
    pub fn select<'a>(&'a self, name: &'a str, labels: &'a [(&str, &str)]) -> impl Iterator<Item = &'a Sample> {
        self.samples.iter().filter(move |sample| sample.name == name && sample.matches(labels))
    }

    /// The value of the only sample of a name that has all of these labels; `None` when there is none.
    pub fn value(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let mut found = self.select(name, labels);
        let sample = found.next()?;
        assert_eq!(found.next(), None, "{name}{labels:?} is not the only one, nor is {sample:?}");
        Some(sample.value)
    }
}

/// `name{label="value",...} value`.
fn sample(line: &str) -> Option<Sample> {
    let end = line.find(['{', ' '])?;
    let (name, mut rest) = line.split_at(end);
    let mut labels = BTreeMap::new();
    if let Some(inside) = rest.strip_prefix('{') {
        rest = inside;
        loop {
            rest = rest.trim_start_matches(',');
            if let Some(after) = rest.strip_prefix('}') {
                rest = after;
                break;
            }
            let (label, quoted) = rest.split_once("=\"")?;
            let (value, after) = unescape(quoted)?;
            assert!(labels.insert(label.to_owned(), value).is_none(), "label {label} is there twice: {line}");
            rest = after;
        }
    }
    let value = rest.split_ascii_whitespace().next()?.parse().ok()?;
    Some(Sample { name: name.to_owned(), labels, value })
}

/// The value of a label up to its closing quote, and what follows.
fn unescape(quoted: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = quoted.chars();
    loop {
        match characters.next()? {
            '"' => return Some((value, characters.as_str())),
            '\\' => value.push(match characters.next()? {
                'n' => '\n',
                other => other,
            }),
            other => value.push(other),
        }
    }
}
