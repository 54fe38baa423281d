//! Whether the first round of everything is over, so that what is absent from `/metrics` is absent in truth.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::runner::{Overview, Rounds, Source};

/// Once ready, ready for good: what happens later is told by metrics.
#[derive(Debug, Default)]
pub(super) struct Readiness(AtomicBool);

impl Readiness {
    /// Says what is still awaited; does not look once nothing was.
    pub(super) fn check(&self, overview: impl FnOnce() -> Overview) -> Result<(), String> {
        if !self.0.load(Ordering::Relaxed) {
            awaited(&overview()).map_or(Ok(()), Err)?;
            self.0.store(true, Ordering::Relaxed);
        }
        Ok(())
    }
}

/// What the first round is waiting for. What cannot be reached has had its round: it failed.
fn awaited(overview: &Overview) -> Option<String> {
    if overview.targets.is_empty() {
        return Some("no target is watched yet".to_owned());
    }
    let mut targets = overview.targets.iter().filter(|(_, reachability)| reachability.up.is_none());
    if let Some((target, _)) = targets.next() {
        return Some(format!("target {target} has not answered yet{}", and_more(targets.count())));
    }
    let mut rounds = overview.rounds.iter().filter(|entry| is_awaited(overview, entry));
    let (Source { target, datname, collector }, _) = rounds.next()?;
    let datname = datname.as_deref().map(|datname| format!(", database {datname}")).unwrap_or_default();
    let more = and_more(rounds.count());
    Some(format!("collector {collector} has not finished its first round on target {target}{datname}{more}"))
}

fn is_awaited(overview: &Overview, (source, rounds): &(&Source, &Rounds)) -> bool {
    let target = overview.targets.get(&source.target);
    let database =
        source.datname.as_ref().and_then(|datname| overview.databases.get(&(source.target.clone(), datname.clone())));
    let unreachable = target.into_iter().chain(database).any(|reachability| reachability.up == Some(false));
    rounds.succeeded.is_none() && !unreachable
}

fn and_more(count: usize) -> String {
    if count == 0 { String::new() } else { format!(" (and {count} more)") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runner::Reachability;

    fn source(target: &str, datname: Option<&str>) -> Source {
        Source { target: target.into(), datname: datname.map(Into::into), collector: "server" }
    }

    fn overview(up: Option<bool>, succeeded: Option<bool>) -> Overview {
        let mut overview = Overview::default();
        overview.targets.insert("main".into(), Reachability { up, failure: None });
        overview.rounds.insert(source("main", None), Rounds { succeeded, ..Rounds::default() });
        overview
    }

    #[test]
    fn nothing_watched_is_not_ready() {
        assert_eq!(awaited(&Overview::default()).unwrap(), "no target is watched yet");
    }

    #[test]
    fn a_target_that_has_not_answered_is_awaited() {
        assert_eq!(awaited(&overview(None, None)).unwrap(), "target main has not answered yet");
    }

    #[test]
    fn the_first_round_of_every_source_is_awaited() {
        let mut overview = overview(Some(true), None);
        overview.rounds.insert(source("main", Some("app")), Rounds::default());
        assert_eq!(
            awaited(&overview).unwrap(),
            "collector server has not finished its first round on target main (and 1 more)"
        );
    }

    #[test]
    fn a_failed_round_is_over_too() {
        assert_eq!(awaited(&overview(Some(true), Some(false))), None);
    }

    #[test]
    fn what_cannot_be_reached_is_not_awaited() {
        assert_eq!(awaited(&overview(Some(false), None)), None);
        let mut overview = overview(Some(true), Some(true));
        overview.rounds.insert(source("main", Some("app")), Rounds::default());
        assert!(awaited(&overview).unwrap().contains("database app"));
        overview.databases.insert(("main".into(), "app".into()), Reachability { up: Some(false), failure: None });
        assert_eq!(awaited(&overview), None);
    }

    #[test]
    fn ready_once_is_ready_for_good() {
        let readiness = Readiness::default();
        assert!(readiness.check(|| overview(None, None)).is_err());
        assert!(readiness.check(|| overview(Some(true), Some(true))).is_ok());
        assert!(readiness.check(|| overview(None, None)).is_ok());
    }
}
