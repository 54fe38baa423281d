//! Who waits for whom, from one round's lock rows.
//!
//! The rules are the lock manager's own: a waiter waits for every conflicting holder ("hard"), and for every conflicting
//! waiter in front of it in the queue ("soft"), members of one parallel group never for each other. `pg_blocking_pids`
//! says the same but takes the whole lock manager exclusively, once for each waiter; `pg_locks` does not.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::evidence::{Evidence, Holder, Lock, LockTag};
use super::reach::Reach;

/// The wait graph of a server: an edge from each waiter to everybody it waits for.
#[derive(Debug)]
pub struct WaitGraph<'a> {
    nodes: Vec<Holder>,
    index: HashMap<Holder, usize>,
    /// Direct blockers, ascending.
    blockers: Vec<Vec<usize>>,
    waits: BTreeMap<usize, &'a Lock>,
    reach: Reach,
}

impl<'a> WaitGraph<'a> {
    /// Builds the graph of one round.
    pub fn new(evidence: &'a Evidence) -> Self {
        let mut queues: HashMap<&LockTag, Queue<'a>> = HashMap::new();
        let mut nodes = BTreeSet::new();
        for lock in &evidence.locks {
            nodes.insert(evidence.leader(&lock.holder));
            let queue = queues.entry(&lock.tag).or_default();
            if lock.granted { &mut queue.holders } else { &mut queue.waiters }.push(lock);
        }
        let nodes: Vec<Holder> = nodes.into_iter().collect();
        let index: HashMap<Holder, usize> = nodes.iter().cloned().zip(0..).collect();
        let node_of = |lock: &Lock| index[&evidence.leader(&lock.holder)];

        let mut blockers = vec![BTreeSet::new(); nodes.len()];
        let mut waits: BTreeMap<usize, &Lock> = BTreeMap::new();
        for queue in queues.values_mut() {
            queue.waiters.sort_by(|a, b| place(evidence, a).total_cmp(&place(evidence, b)));
            for (position, waiter) in queue.waiters.iter().enumerate() {
                let node = node_of(waiter);
                blockers[node].extend(queue.blockers_of(position, &node_of));
                // Several workers of one leader may wait at once: the first to have begun speaks for all.
                let first = waits.entry(node).or_insert(waiter);
                if place(evidence, waiter) < place(evidence, first) {
                    *first = waiter;
                }
            }
        }
        let blockers: Vec<Vec<usize>> = blockers.into_iter().map(|set| set.into_iter().collect()).collect();
        let reach = Reach::new(&blockers);
        Self { nodes, index, blockers, waits, reach }
    }

    /// Everybody who waits, with what is awaited.
    pub fn waiters(&self) -> impl Iterator<Item = (&Holder, &'a Lock)> {
        self.waits.iter().map(|(&node, &lock)| (&self.nodes[node], lock))
    }

    /// What `holder` waits for.
    pub fn wait_of(&self, holder: &Holder) -> Option<&'a Lock> {
        self.waits.get(self.index.get(holder)?).copied()
    }

    /// Everybody that `holder` waits for directly.
    pub fn blockers_of(&self, holder: &Holder) -> impl Iterator<Item = &Holder> {
        let blockers = self.index.get(holder).map_or(&[][..], |&node| &self.blockers[node]);
        blockers.iter().map(|&node| &self.nodes[node])
    }

    /// The ends of all chains that begin at `holder`: whoever waits for nobody. A chain that bites its own tail
    /// (a deadlock that the server has not yet broken) has no end: its members are the answer, `holder` not among them.
    pub fn roots_of(&self, holder: &Holder) -> Vec<&Holder> {
        let Some(&node) = self.index.get(holder) else { return Vec::new() };
        let reached: Vec<usize> = self.reach.from(node).filter(|&other| other != node).collect();
        let ends: Vec<usize> = reached.iter().copied().filter(|&other| self.blockers[other].is_empty()).collect();
        let roots = if ends.is_empty() {
            reached.into_iter().filter(|&other| self.reach.reaches(other, other)).collect()
        } else {
            ends
        };
        roots.into_iter().map(|root| &self.nodes[root]).collect()
    }

    /// Everybody whose chain leads through `holder`.
    pub fn queued_behind(&self, holder: &Holder) -> impl Iterator<Item = &Holder> {
        let node = self.index.get(holder).copied();
        let waiters = self.waits.keys().copied();
        let behind =
            waiters.filter(move |&waiter| node.is_some_and(|node| node != waiter && self.reach.reaches(waiter, node)));
        behind.map(|waiter| &self.nodes[waiter])
    }
}

/// What stands at one lock.
#[derive(Default)]
struct Queue<'a> {
    holders: Vec<&'a Lock>,
    /// In the order in which they will be served.
    waiters: Vec<&'a Lock>,
}

impl Queue<'_> {
    fn blockers_of(&self, position: usize, node_of: &impl Fn(&Lock) -> usize) -> Vec<usize> {
        let waiter = self.waiters[position];
        let node = node_of(waiter);
        let excludes = |other: &&&Lock| waiter.mode.conflicts_with(other.mode) && node_of(other) != node;
        let hard = self.holders.iter().filter(excludes);
        // The lock manager lets a session that already holds the lock pass those who wait for it to let go.
        let passes = |ahead: &&&Lock| {
            self.holders.iter().any(|held| node_of(held) == node && held.mode.conflicts_with(ahead.mode))
        };
        let soft = self.waiters[..position].iter().filter(excludes).filter(|ahead| !passes(ahead));
        let found: Vec<usize> = hard.chain(soft).map(|lock| node_of(lock)).collect();
        if found.is_empty() {
            // Nobody waits for nothing: the order is not known (before 14), and it stands behind one that seems later.
            self.waiters[position..].iter().filter(excludes).map(|lock| node_of(lock)).collect()
        } else {
            found
        }
    }
}

/// The place of a waiter in its queue: when it began to wait, or, where the server does not tell, its statement.
fn place(evidence: &Evidence, lock: &Lock) -> f64 {
    let statement = || match &lock.holder {
        Holder::Session(pid) => evidence.sessions.get(pid)?.query_start,
        Holder::Prepared(_) => None,
    };
    lock.wait_start.or_else(statement).unwrap_or(evidence.taken_at)
}
