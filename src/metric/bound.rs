//! Bounds on the number of series: the largest N by themselves, the rest counted and summed by the caller.

/// What a bound made of a list.
#[derive(Debug, PartialEq, Eq)]
pub struct Bounded<T> {
    /// The largest, in descending order.
    pub kept: Vec<T>,
    /// What has no series of its own, in no order.
    pub rest: Vec<T>,
}

/// Keeps the `limit` largest items by `rank`; equal ranks keep the order that they came in, so that the choice is
/// the same in each round.
pub fn largest<T>(mut items: Vec<T>, limit: usize, rank: impl Fn(&T) -> f64) -> Bounded<T> {
    items.sort_by(|left, right| rank(right).total_cmp(&rank(left)));
    let rest = items.split_off(limit.min(items.len()));
    Bounded { kept: items, rest }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_are_kept_and_nothing_is_lost() {
        let bounded = largest(vec![2, 9, 4, 7], 2, |item| f64::from(*item));
        assert_eq!(bounded.kept, [9, 7]);
        assert_eq!(bounded.rest, [4, 2]);
    }

    #[test]
    fn a_short_list_is_kept_whole() {
        assert_eq!(largest(vec![1], 10, |_| 0.0), Bounded { kept: vec![1], rest: vec![] });
    }

    #[test]
    fn equal_ranks_keep_their_order() {
        assert_eq!(largest(vec!["a", "b", "c"], 2, |_| 1.0).kept, ["a", "b"]);
    }
}
