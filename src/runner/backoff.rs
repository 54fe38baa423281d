//! How long to leave a server alone that does not answer.

use std::time::Duration;

/// The wait after the first failure.
const FIRST: Duration = Duration::from_secs(1);

/// The longest wait: a server that comes back is noticed within this time.
const LONGEST: Duration = Duration::from_secs(30);

/// Grows with each failure in a row, and is spread so that targets that failed together do not return together.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// Counts a failure; returns how long to wait. `spread` is a random number from 0 to 1.
    pub(super) fn fail(&mut self, spread: f64) -> Duration {
        let doubled = FIRST.saturating_mul(2_u32.saturating_pow(self.failures));
        self.failures = self.failures.saturating_add(1);
        doubled.min(LONGEST).mul_f64(0.5 + spread / 2.0)
    }

    /// Forgets the failures.
    pub(super) fn succeed(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_up_to_its_limit() {
        let mut backoff = Backoff::default();
        let waits: Vec<_> = (0..7).map(|_| backoff.fail(1.0).as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 30, 30]);
        backoff.succeed();
        assert_eq!(backoff.fail(1.0), FIRST);
    }

    #[test]
    fn waits_are_spread_over_half_of_their_length() {
        assert_eq!(Backoff::default().fail(0.0), FIRST / 2);
    }
}
