//! A distribution over fixed buckets.

/// Counts of observations by upper bound.
#[derive(Clone, Debug, PartialEq)]
pub struct Histogram {
    bounds: &'static [f64],
    counts: Vec<u64>,
    sum: f64,
}

impl Histogram {
    /// An empty histogram; `bounds` ascend, `+Inf` is implied.
    pub fn new(bounds: &'static [f64]) -> Self {
        Self { bounds, counts: vec![0; bounds.len() + 1], sum: 0.0 }
    }

    /// The histogram of counts that are cumulative already, `+Inf` among them as `count`.
    pub fn of_cumulative(bounds: &'static [f64], cumulative: impl Iterator<Item = u64>, count: u64, sum: f64) -> Self {
        let mut below = 0;
        let counts = cumulative.take(bounds.len()).chain([count]).map(|total| {
            let own = total.saturating_sub(below);
            below = total;
            own
        });
        Self { bounds, counts: counts.collect(), sum }
    }

    /// Counts one observation.
    pub fn observe(&mut self, value: f64) {
        let bucket = self.bounds.partition_point(|bound| *bound < value);
        self.counts[bucket] += 1;
        self.sum += value;
    }

    /// Adds the observations of another histogram with the same bounds.
    pub fn add(&mut self, other: &Self) {
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count += more;
        }
        self.sum += other.sum;
    }

    /// Upper bounds with the number of observations at or below each, `+Inf` last.
    pub fn cumulative(&self) -> impl Iterator<Item = (f64, u64)> {
        let bounds = self.bounds.iter().copied().chain([f64::INFINITY]);
        bounds.zip(self.counts.iter().scan(0, |total, count| {
            *total += count;
            Some(*total)
        }))
    }

    /// Sum of all observations.
    pub fn sum(&self) -> f64 {
        self.sum
    }

    /// Number of observations.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_observation_counts_in_its_own_and_every_larger_bucket() {
        let mut histogram = Histogram::new(&[1.0, 5.0]);
        for value in [1.0, 3.0, 9.0] {
            histogram.observe(value);
        }
        assert_eq!(histogram.cumulative().collect::<Vec<_>>(), [(1.0, 1), (5.0, 2), (f64::INFINITY, 3)]);
        assert!((histogram.sum() - 13.0).abs() < f64::EPSILON);
        assert_eq!(histogram.count(), 3);
    }
}
