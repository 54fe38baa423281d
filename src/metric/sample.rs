//! Values of metrics, as a collector produced them in one round.

use std::sync::Arc;

use super::{Definition, Histogram, Kind};

/// The values of a definition's own labels, in its order; shared by all samples of one row.
pub type LabelValues = Arc<[Box<str>]>;

/// One value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Of a gauge, a counter or an info metric.
    Number(f64),
    /// Of a histogram.
    Histogram(Box<Histogram>),
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::Number(value)
    }
}

/// 1 where it is so, 0 where it is not.
impl From<bool> for Value {
    fn from(condition: bool) -> Self {
        Self::Number(f64::from(u8::from(condition)))
    }
}

impl From<Histogram> for Value {
    fn from(histogram: Histogram) -> Self {
        Self::Histogram(Box::new(histogram))
    }
}

/// A value with its labels.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// Values of the definition's own labels.
    pub labels: LabelValues,
    /// The value.
    pub value: Value,
}

/// All samples of one metric.
#[derive(Clone, Debug)]
pub struct Family {
    /// The metric.
    pub definition: &'static Definition,
    /// Its samples, each label set once.
    pub samples: Vec<Sample>,
}

impl Family {
    /// The number of series that Prometheus sees.
    pub fn series(&self) -> usize {
        self.samples
            .iter()
            .map(|sample| match &sample.value {
                Value::Number(_) => 1,
                Value::Histogram(histogram) => histogram.cumulative().count() + 2,
            })
            .sum()
    }
}

/// What one round of a collector found, a family per metric.
#[derive(Clone, Debug, Default)]
pub struct Samples {
    families: Vec<Family>,
    left_out: u64,
}

impl Samples {
    /// Adds a value to a metric.
    ///
    /// The number of label values is the number of the definition's labels; a collector that breaks this is caught
    /// by its tests.
    pub fn push(&mut self, definition: &'static Definition, labels: &LabelValues, value: impl Into<Value>) {
        let value = value.into();
        debug_assert_eq!(labels.len(), definition.labels.len(), "labels of {}", definition.name);
        debug_assert_eq!(matches!(value, Value::Histogram(_)), definition.kind == Kind::Histogram);
        let sample = Sample { labels: Arc::clone(labels), value };
        match self.families.iter_mut().find(|family| std::ptr::eq(family.definition, definition)) {
            Some(family) => family.samples.push(sample),
            None => self.families.push(Family { definition, samples: vec![sample] }),
        }
    }

    /// Adds a value that may be NULL; NULL is absence, never 0.
    pub fn push_some(
        &mut self,
        definition: &'static Definition,
        labels: &LabelValues,
        value: Option<impl Into<Value>>,
    ) {
        if let Some(value) = value {
            self.push(definition, labels, value);
        }
    }

    /// Adds a value without labels of its own.
    pub fn push_plain(&mut self, definition: &'static Definition, value: impl Into<Value>) {
        self.push(definition, &labels([]), value);
    }

    /// Adds the constant 1 of an info metric.
    pub fn push_info(&mut self, definition: &'static Definition, labels: &LabelValues) {
        self.push(definition, labels, 1.0);
    }

    /// Says that this many things (tables, columns, groups) have no series of their own because of a bound.
    pub fn leave_out(&mut self, count: usize) {
        self.left_out += count as u64;
    }

    /// How many things have no series of their own because of a bound.
    pub fn left_out(&self) -> u64 {
        self.left_out
    }

    /// The number of series that Prometheus sees.
    pub fn series(&self) -> usize {
        self.families.iter().map(Family::series).sum()
    }

    /// The families, in the order in which they were first filled.
    pub fn into_families(self) -> Vec<Family> {
        self.families
    }

    /// The number of one series, where it exists.
    pub fn number(&self, definition: &Definition, labels: &[&str]) -> Option<f64> {
        let family = self.families.iter().find(|family| family.definition.name == definition.name)?;
        let sample = family
            .samples
            .iter()
            .find(|sample| sample.labels.iter().map(|label| &**label).eq(labels.iter().copied()))?;
        match sample.value {
            Value::Number(number) => Some(number),
            Value::Histogram(_) => None,
        }
    }
}

/// Label values from text.
pub fn labels<const N: usize>(values: [&str; N]) -> LabelValues {
    values.into_iter().map(Box::from).collect()
}
