//! Values by label values: each label set once, the largest ones by themselves, the rest together.

use std::collections::BTreeMap;

use crate::metric::{Definition, LabelValues, Samples, largest};

/// Values of one metric by its labels.
#[derive(Clone, Debug)]
pub(super) struct Groups<const N: usize> {
    values: BTreeMap<[String; N], f64>,
    merge: fn(f64, f64) -> f64,
}

impl<const N: usize> Groups<N> {
    /// Groups whose values add up.
    pub(super) fn sums() -> Self {
        Self { values: BTreeMap::new(), merge: |left, right| left + right }
    }

    /// Groups that keep their largest value.
    pub(super) fn maxima() -> Self {
        Self { values: BTreeMap::new(), merge: f64::max }
    }

    /// Adds a value to its group; a 0 makes the group visible.
    pub(super) fn add(&mut self, labels: [String; N], value: f64) {
        let merge = self.merge;
        self.values.entry(labels).and_modify(|known| *known = merge(*known, value)).or_insert(value);
    }

    /// The value of a group.
    pub(super) fn get(&self, labels: &[&str; N]) -> Option<f64> {
        self.values.get(&labels.map(str::to_owned)).copied()
    }

    /// Keeps the `limit` largest groups; the others merge into those that `other` renames them to. Returns how many did.
    pub(super) fn bound(&mut self, limit: usize, other: fn(&mut [String; N])) -> usize {
        let groups = std::mem::take(&mut self.values).into_iter().collect();
        let bounded = largest(groups, limit, |(_, value): &([String; N], f64)| *value);
        self.values.extend(bounded.kept);
        let merged = bounded.rest.len();
        for (mut labels, value) in bounded.rest {
            other(&mut labels);
            self.add(labels, value);
        }
        merged
    }

    /// Makes samples of the groups.
    pub(super) fn push(&self, definition: &'static Definition, samples: &mut Samples) {
        for (labels, value) in &self.values {
            let labels: LabelValues = labels.iter().map(|label| label.as_str().into()).collect();
            samples.push(definition, &labels, *value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(datname: &str, name: &str) -> [String; 2] {
        [datname.to_owned(), name.to_owned()]
    }

    fn other(labels: &mut [String; 2]) {
        "other".clone_into(&mut labels[1]);
    }

    #[test]
    fn what_is_beyond_the_bound_is_summed_for_each_database() {
        let mut groups = Groups::sums();
        for (datname, name, value) in
            [("a", "x", 9.0), ("a", "y", 2.0), ("a", "z", 1.0), ("b", "x", 3.0), ("b", "y", 1.0)]
        {
            groups.add(key(datname, name), value);
        }
        assert_eq!(groups.bound(2, other), 3);
        let values = [("a", "x"), ("a", "other"), ("b", "x"), ("b", "other")]
            .map(|(datname, name)| groups.get(&[datname, name]));
        assert_eq!(values, [Some(9.0), Some(3.0), Some(3.0), Some(1.0)]);
        assert_eq!(groups.get(&["a", "y"]), None);
    }

    #[test]
    fn a_group_that_is_really_named_other_takes_the_rest_in() {
        let mut groups = Groups::maxima();
        groups.add(key("a", "other"), 5.0);
        groups.add(key("a", "x"), 3.0);
        assert_eq!(groups.bound(1, other), 1);
        let mut samples = Samples::default();
        crate::metric::metrics! {
            /// The largest of a group.
            static LARGEST: Gauge = "pgwarden_largest" [datname, name];
        }
        groups.push(&LARGEST, &mut samples);
        assert_eq!((samples.series(), samples.number(&LARGEST, &["a", "other"])), (1, Some(5.0)));
    }
}
