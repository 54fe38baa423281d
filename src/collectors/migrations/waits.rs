//! How long waits for locks lasted, counted when they are over.

use std::collections::BTreeMap;

use crate::locks::{Holder, Judgement, TableLock};
use crate::metric::Histogram;

/// Upper bounds in seconds: from a wait that nobody notices to one of a whole night.
const BUCKETS: &[f64] = &[0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0, 28800.0];

/// The waits that the last round saw, and those that are over.
#[derive(Debug)]
pub(super) struct Waits {
    lasting: BTreeMap<(Holder, TableLock), f64>,
    ended: Histogram,
}

impl Default for Waits {
    fn default() -> Self {
        Self { lasting: BTreeMap::new(), ended: Histogram::new(BUCKETS) }
    }
}

impl Waits {
    /// Takes in a round: what it no longer shows, or shows as younger than before, is over.
    pub(super) fn observe(&mut self, judgement: &Judgement) {
        let waits = judgement.waiting.iter();
        self.replace(waits.map(|it| ((it.holder.clone(), it.awaits.clone()), it.wait.estimate())).collect());
    }

    fn replace(&mut self, lasting: BTreeMap<(Holder, TableLock), f64>) {
        for (wait, seconds) in std::mem::replace(&mut self.lasting, lasting) {
            if self.lasting.get(&wait).is_none_or(|now| *now < seconds) {
                self.ended.observe(seconds);
            }
        }
    }

    /// The waits that are over.
    pub(super) fn ended(&self) -> &Histogram {
        &self.ended
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::locks::LockMode;

    fn waits(seconds: &[(i32, f64)]) -> BTreeMap<(Holder, TableLock), f64> {
        let awaits = TableLock { relation: None, locktype: "relation".to_owned(), mode: LockMode::Share };
        seconds.iter().map(|(pid, seconds)| ((Holder::Session(*pid), awaits.clone()), *seconds)).collect()
    }

    #[test]
    fn a_wait_counts_once_when_it_is_over() {
        let mut all = Waits::default();
        all.replace(waits(&[(1, 3.0)]));
        all.replace(waits(&[(1, 8.0)]));
        assert_eq!(all.ended().count(), 0);
        all.replace(waits(&[]));
        assert_eq!((all.ended().count(), all.ended().sum().to_bits()), (1, 8f64.to_bits()));
    }

    #[test]
    fn a_second_wait_of_the_same_session_is_another_one() {
        let mut all = Waits::default();
        all.replace(waits(&[(1, 8.0)]));
        all.replace(waits(&[(1, 1.0)]));
        assert_eq!(all.ended().count(), 1);
    }
}
