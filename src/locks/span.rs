//! How long something has lasted, as far as it can be known.

/// A share of the threshold: two rounds that are meant to lie a threshold apart may lie a little closer.
const OBSERVED_SHARE: f64 = 0.9;

/// A duration in seconds between two bounds, which are equal where the server tells when it began.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Span {
    /// It was seen to last this long.
    pub at_least: f64,
    /// It cannot have begun earlier; infinite where nothing bounds it.
    pub at_most: f64,
}

/// Whether a duration has reached a threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reached {
    Yes,
    No,
    /// Another round is needed to tell.
    Unknown,
}

impl Span {
    /// A duration that is known.
    pub fn exact(seconds: f64) -> Self {
        let seconds = seconds.max(0.0);
        Self { at_least: seconds, at_most: seconds }
    }

    /// A duration of which only bounds are known.
    pub fn between(at_least: f64, at_most: f64) -> Self {
        let at_least = at_least.max(0.0);
        Self { at_least, at_most: at_most.max(at_least) }
    }

    /// The best single number: what bounds it from above, else what was seen.
    pub fn estimate(self) -> f64 {
        if self.at_most.is_finite() { self.at_most } else { self.at_least }
    }

    pub(super) fn reached(self, threshold: f64) -> Reached {
        if self.at_most < threshold {
            Reached::No
        } else if self.at_least >= threshold * OBSERVED_SHARE {
            Reached::Yes
        } else {
            Reached::Unknown
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Reached, Span};

    #[test]
    fn a_known_duration_reaches_the_threshold_or_does_not() {
        assert_eq!(Span::exact(5.0).reached(5.0), Reached::Yes);
        assert_eq!(Span::exact(4.9).reached(5.0), Reached::No);
    }

    #[test]
    fn a_bounded_duration_needs_to_be_seen_before_it_counts() {
        assert_eq!(Span::between(0.0, 60.0).reached(5.0), Reached::Unknown);
        assert_eq!(Span::between(2.0, 60.0).reached(5.0), Reached::Unknown);
        assert_eq!(Span::between(0.0, 3.0).reached(5.0), Reached::No);
        assert_eq!(Span::between(4.95, f64::INFINITY).reached(5.0), Reached::Yes);
    }
}
