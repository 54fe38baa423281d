//! What earlier rounds saw, for what one round alone cannot show: since when somebody waits where the server does not say,
//! and whether work that is counted goes on.

use std::collections::HashMap;

use super::evidence::{Evidence, LockTag, Progress, Session, Timestamp};

/// Memory of the rounds so far, bounded by what the last one saw.
#[derive(Debug, Default)]
pub struct History {
    waits: HashMap<Wait, Timestamp>,
    work: HashMap<Who, (Progress, Timestamp)>,
}

/// One session for good: a pid is used again, the two together are not.
type Who = (i32, Option<i64>);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Wait(Who, Awaited);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Awaited {
    Lock(LockTag),
    Event(String),
}

impl History {
    /// Takes in a round. What it no longer shows is forgotten.
    pub fn observe(&mut self, evidence: &Evidence) {
        let now = evidence.taken_at;
        let waits = std::mem::take(&mut self.waits);
        let awaited_locks = evidence.locks.iter().filter(|lock| !lock.granted).filter_map(|lock| {
            let session = evidence.session(&lock.holder)?;
            Some(Wait(who(session), Awaited::Lock(lock.tag.clone())))
        });
        let awaited_events = evidence
            .sessions
            .values()
            .filter_map(|session| Some(Wait(who(session), Awaited::Event(session.wait_event.clone()?))));
        self.waits = awaited_locks
            .chain(awaited_events)
            .map(|wait| {
                let since = waits.get(&wait).copied().unwrap_or(now);
                (wait, since)
            })
            .collect();

        let mut work = std::mem::take(&mut self.work);
        for (pid, progress) in &evidence.progress {
            let Some(session) = evidence.sessions.get(pid) else { continue };
            let known = work.remove(&who(session)).filter(|(last, _)| last == progress);
            self.work.insert(who(session), known.unwrap_or_else(|| (progress.clone(), now)));
        }
    }

    /// Since when a session was seen to wait for a lock.
    pub(super) fn awaits_lock_since(&self, session: &Session, tag: &LockTag) -> Option<Timestamp> {
        self.waits.get(&Wait(who(session), Awaited::Lock(tag.clone()))).copied()
    }

    /// Since when a session was seen in the wait event that it is in.
    pub(super) fn in_wait_event_since(&self, session: &Session) -> Option<Timestamp> {
        self.waits.get(&Wait(who(session), Awaited::Event(session.wait_event.clone()?))).copied()
    }

    /// Since when the progress of a session was seen to stay the same.
    pub(super) fn unchanged_since(&self, session: &Session) -> Option<Timestamp> {
        self.work.get(&who(session)).map(|(_, since)| *since)
    }
}

fn who(session: &Session) -> Who {
    (session.pid, session.backend_start)
}
