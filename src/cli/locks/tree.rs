//! Who waits for whom, for a person.

use std::collections::{BTreeMap, BTreeSet};

use super::FAINT;
use super::text::{lock, name, seconds, shorten};
use crate::locks::{Holder, Judgement, Waiter};

/// Sessions that are shown of those who wait for the same one.
const MAX_SIBLINGS: usize = 20;

/// Who waits for whom. Somebody who waits for several is shown once, under the one that has waited longest itself.
pub(super) struct Tree<'a> {
    judgement: &'a Judgement,
    waiters: BTreeMap<&'a Holder, &'a Waiter>,
    children: BTreeMap<&'a Holder, Vec<&'a Holder>>,
    query_text: bool,
}

impl<'a> Tree<'a> {
    /// The tree of a judgement.
    pub(super) fn new(judgement: &'a Judgement, query_text: bool) -> Self {
        let waiters: BTreeMap<_, _> = judgement.waiting.iter().map(|waiter| (&waiter.holder, waiter)).collect();
        let waited = |holder: &Holder| waiters.get(holder).map_or(-1.0, |waiter| waiter.wait.estimate());
        let mut children: BTreeMap<&Holder, Vec<&Holder>> = BTreeMap::new();
        for waiter in &judgement.waiting {
            if let Some(parent) = waiter.blocked_by.iter().max_by(|a, b| waited(a).total_cmp(&waited(b))) {
                children.entry(parent).or_default().push(&waiter.holder);
            }
        }
        Self { judgement, waiters, children, query_text }
    }

    /// Writes it.
    pub(super) fn print(&self) {
        let mut shown = BTreeSet::new();
        let mut roots: Vec<_> = self.children.keys().filter(|holder| !self.waiters.contains_key(*holder)).collect();
        let behind = |root: &Holder| self.judgement.waiting.iter().filter(|waiter| waiter.roots.contains(root)).count();
        roots.sort_by_cached_key(|root| std::cmp::Reverse(behind(root)));
        // What is left over after the roots waits in a circle, or for somebody who has just gone.
        for holder in roots.into_iter().chain(self.waiters.keys()) {
            if !shown.contains(holder) {
                self.print_branch(holder, "", "", &mut shown);
            }
        }
    }

    fn print_branch(&self, holder: &'a Holder, head: &str, indent: &str, shown: &mut BTreeSet<&'a Holder>) {
        if !shown.insert(holder) {
            return;
        }
        let party = &self.judgement.parties[holder];
        let what = match self.waiters.get(holder) {
            Some(waiter) => format!("waits {} for {}", seconds(waiter.wait.estimate()), lock(&waiter.awaits)),
            None if party.gid.is_some() => "prepared".to_owned(),
            None => party.state.unwrap_or("state not seen").to_owned(),
        };
        let query = party.query.as_deref().filter(|_| self.query_text).map(shorten).unwrap_or_default();
        anstream::println!("{head}{}  {what}  {FAINT}{query}{FAINT:#}", name(party));
        let children = self.children.get(holder).map(Vec::as_slice).unwrap_or_default();
        let (listed, rest) = children.split_at(children.len().min(MAX_SIBLINGS));
        for (position, child) in listed.iter().enumerate() {
            let last = position + 1 == children.len();
            let (branch, below) = if last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
            self.print_branch(child, &format!("{indent}{branch}"), &format!("{indent}{below}"), shown);
        }
        if !rest.is_empty() {
            anstream::println!("{indent}└─ and {} more", rest.len());
            shown.extend(rest);
        }
    }
}
