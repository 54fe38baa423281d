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
        let nodes: BTreeSet<Holder> = evidence.locks.iter().map(|lock| evidence.leader(&lock.holder)).collect();
        let nodes: Vec<Holder> = nodes.into_iter().collect();
        let index: HashMap<Holder, usize> = nodes.iter().cloned().zip(0..).collect();
        let mut queues: HashMap<&LockTag, Queue<'a>> = HashMap::new();
        for lock in &evidence.locks {
            let place = Place { node: index[&evidence.leader(&lock.holder)], lock, since: since(evidence, lock) };
            let queue = queues.entry(&lock.tag).or_default();
            if lock.granted { &mut queue.holders } else { &mut queue.waiters }.push(place);
        }

        let mut blockers = vec![BTreeSet::new(); nodes.len()];
        let mut waits: BTreeMap<usize, Place> = BTreeMap::new();
        for queue in queues.values_mut() {
            queue.put_in_order();
            for (position, waiter) in queue.waiters.iter().enumerate() {
                blockers[waiter.node].extend(queue.blockers_of(position));
                // Several workers of one leader may wait at once: the first to have begun speaks for all.
                let first = waits.entry(waiter.node).or_insert(*waiter);
                if waiter.since < first.since {
                    *first = *waiter;
                }
            }
        }
        let waits = waits.into_iter().map(|(node, place)| (node, place.lock)).collect();
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

/// Somebody at a lock.
#[derive(Clone, Copy)]
struct Place<'a> {
    node: usize,
    lock: &'a Lock,
    since: f64,
}

impl Place<'_> {
    fn excludes(&self, other: &Self) -> bool {
        self.node != other.node && self.lock.mode.conflicts_with(other.lock.mode)
    }
}

/// What stands at one lock.
#[derive(Default)]
struct Queue<'a> {
    holders: Vec<Place<'a>>,
    /// In the order in which they will be served.
    waiters: Vec<Place<'a>>,
}

impl Queue<'_> {
    /// Who comes later stands behind, but for a session that holds the lock already: it is served before the first of
    /// those who wait for it to let go.
    fn put_in_order(&mut self) {
        let mut arrivals = std::mem::take(&mut self.waiters);
        arrivals.sort_by(|a, b| a.since.total_cmp(&b.since));
        for waiter in arrivals {
            let own: Vec<&Place> = self.holders.iter().filter(|held| held.node == waiter.node).collect();
            let passed = self.waiters.iter().position(|ahead| own.iter().any(|held| held.excludes(ahead)));
            self.waiters.insert(passed.unwrap_or(self.waiters.len()), waiter);
        }
    }

    fn blockers_of(&self, position: usize) -> Vec<usize> {
        let waiter = self.waiters[position];
        let hard = self.holders.iter().filter(|held| waiter.excludes(held));
        let soft = self.waiters[..position].iter().filter(|ahead| waiter.excludes(ahead));
        let found: Vec<usize> = hard.chain(soft).map(|place| place.node).collect();
        if found.is_empty() {
            // Nobody waits for nothing: the order is not known (before 14), and it stands behind one that seems later.
            self.waiters[position..].iter().filter(|later| waiter.excludes(later)).map(|place| place.node).collect()
        } else {
            found
        }
    }
}

/// When somebody began to wait, or, where the server does not tell, the statement that waits.
fn since(evidence: &Evidence, lock: &Lock) -> f64 {
    let statement = || evidence.session(&lock.holder)?.query_start;
    lock.wait_start.or_else(statement).unwrap_or(evidence.taken_at)
}
