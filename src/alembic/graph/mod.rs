//! The graph of revisions: who follows whom, where it starts and ends, and what is wrong with it.
//!
//! Built as Alembic's `RevisionMap` is, with two differences: a defect is a [`Finding`] instead of an exception, and a
//! cycle is found wherever it is. All walks are iterative, because histories are long chains.

mod finding;
mod order;

use std::collections::{BTreeSet, HashMap};

use super::reader::{Script, Unparsable};

pub use self::finding::Finding;

/// A revision by its position in the order in which Alembic reads the files.
pub type Position = usize;

/// The revisions of one set of files. Each identifier is there once.
#[derive(Debug, Default)]
pub struct Graph {
    declared: Vec<Script>,
    unparsable: Vec<Unparsable>,
    findings: Vec<Finding>,
    nodes: Vec<Node>,
    revisions: HashMap<String, Position>,
    labels: HashMap<String, Position>,
}

#[derive(Debug, Default)]
struct Node {
    /// Its script in `declared`.
    script: usize,
    /// What it follows, `down_revision` only, in the order of declaration.
    parents: Vec<Position>,
    /// What it depends on beside that.
    dependencies: Vec<Position>,
    /// `parents`, then the dependencies that no ancestor has already: Alembic's `_normalized_down_revisions`.
    requires: Vec<Position>,
    /// Who follows it.
    children: Vec<Position>,
    /// Who depends on it or follows it.
    dependents: Vec<Position>,
}

impl Graph {
    /// Builds the graph of `scripts`, which are in the order in which Alembic reads their files.
    pub fn new(scripts: Vec<Script>, unparsable: Vec<Unparsable>) -> Self {
        let mut graph = Graph { declared: scripts, unparsable, ..Graph::default() };
        graph.add_revisions();
        graph.add_labels();
        graph.connect();
        graph.find_cycles();
        graph.normalise();
        graph
    }

    /// Number of revisions.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// There is no revision at all.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// What each file declares, in the order in which Alembic reads them, duplicates included.
    pub fn declared(&self) -> &[Script] {
        &self.declared
    }

    /// The files that could not be read.
    pub fn unparsable(&self) -> &[Unparsable] {
        &self.unparsable
    }

    /// What is wrong with the graph.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// Whether every file was read and nothing is wrong, so that a database can be compared with it.
    pub fn is_sound(&self) -> bool {
        self.findings.is_empty() && self.unparsable.is_empty()
    }

    /// The revision with exactly this identifier.
    pub fn position(&self, revision: &str) -> Option<Position> {
        self.revisions.get(revision).copied()
    }

    /// What the file of a revision declares.
    ///
    /// # Panics
    ///
    /// When the position is not of this graph.
    pub fn script(&self, position: Position) -> &Script {
        &self.declared[self.nodes[position].script]
    }

    /// The identifier of a revision.
    pub fn id(&self, position: Position) -> &str {
        &self.script(position).revision
    }

    /// The identifiers of revisions, sorted.
    pub fn sorted_ids(&self, positions: impl IntoIterator<Item = Position>) -> Vec<String> {
        let ids: BTreeSet<&str> = positions.into_iter().map(|position| self.id(position)).collect();
        ids.into_iter().map(str::to_owned).collect()
    }

    /// The revision that an identifier in a database stands for, as Alembic resolves it: exactly, else a branch label,
    /// else the only revision or label of four characters or more that starts with it.
    pub fn resolve(&self, identifier: &str) -> Option<Position> {
        if identifier.is_empty() {
            return None;
        }
        if let Some(&position) = self.revisions.get(identifier).or_else(|| self.labels.get(identifier)) {
            return Some(position);
        }
        let names = self.revisions.iter().chain(&self.labels);
        let mut matches = names.filter(|(name, _)| name.chars().count() > 3 && name.starts_with(identifier));
        match (matches.next(), matches.next()) {
            (Some((_, &position)), None) => Some(position),
            _ => None,
        }
    }

    /// The revisions that no other follows.
    pub fn heads(&self) -> Vec<Position> {
        self.select(|node| node.children.is_empty())
    }

    /// The revisions that no other follows or depends on: the rows that a complete `upgrade heads` leaves.
    pub fn effective_heads(&self) -> Vec<Position> {
        self.select(|node| node.dependents.is_empty())
    }

    /// The revisions that follow no other.
    pub fn bases(&self) -> Vec<Position> {
        self.select(|node| self.declared[node.script].down_revisions.is_empty())
    }

    /// The revisions that several others follow.
    pub fn branch_points(&self) -> Vec<Position> {
        self.select(|node| node.children.len() > 1)
    }

    /// The revisions that follow several others.
    pub fn merge_points(&self) -> Vec<Position> {
        self.select(|node| self.declared[node.script].down_revisions.len() > 1)
    }

    /// Revisions and everything that they follow or depend on, as a flag for each position.
    pub fn ancestors(&self, of: impl IntoIterator<Item = Position>) -> Vec<bool> {
        self.closure(of, |node| &node.requires)
    }

    fn select(&self, wanted: impl Fn(&Node) -> bool) -> Vec<Position> {
        (0..self.nodes.len()).filter(|&position| wanted(&self.nodes[position])).collect()
    }

    fn closure<'g>(
        &'g self,
        from: impl IntoIterator<Item = Position>,
        next: impl Fn(&'g Node) -> &'g [Position],
    ) -> Vec<bool> {
        let mut reached = vec![false; self.nodes.len()];
        let mut todo: Vec<Position> = from.into_iter().collect();
        while let Some(position) = todo.pop() {
            if !std::mem::replace(&mut reached[position], true) {
                todo.extend(next(&self.nodes[position]));
            }
        }
        reached
    }

    /// As Alembic, the last file that declares a revision counts, in the place of the first.
    fn add_revisions(&mut self) {
        let mut duplicates: Vec<Position> = Vec::new();
        for (index, script) in self.declared.iter().enumerate() {
            if script.revision.contains(['@', '-', '+', ':']) {
                let (revision, file) = (script.revision.clone(), script.file.clone());
                self.findings.push(Finding::IllegalIdentifier { revision, file });
            }
            if let Some(&position) = self.revisions.get(&script.revision) {
                self.nodes[position].script = index;
                if !duplicates.contains(&position) {
                    duplicates.push(position);
                }
            } else {
                self.revisions.insert(script.revision.clone(), self.nodes.len());
                self.nodes.push(Node { script: index, ..Node::default() });
            }
        }
        for position in duplicates {
            let revision = self.id(position).to_owned();
            let files =
                self.declared.iter().filter(|script| script.revision == revision).map(|script| script.file.clone());
            self.findings.push(Finding::DuplicateRevision { files: files.collect(), revision });
        }
    }

    fn add_labels(&mut self) {
        for position in 0..self.nodes.len() {
            let script = &self.declared[self.nodes[position].script];
            for label in &script.branch_labels {
                let taken = self.revisions.contains_key(label) || self.labels.insert(label.clone(), position).is_some();
                if taken {
                    self.findings.push(Finding::DuplicateLabel { label: label.clone(), file: script.file.clone() });
                }
            }
        }
    }

    fn connect(&mut self) {
        for position in 0..self.nodes.len() {
            let Script { revision, file, down_revisions, depends_on, .. } = &self.declared[self.nodes[position].script];
            let mut parents = Vec::with_capacity(down_revisions.len());
            for parent in down_revisions {
                match self.revisions.get(parent) {
                    Some(parent) if parents.contains(parent) => {}
                    Some(&parent) => parents.push(parent),
                    None => self.findings.push(Finding::MissingParent {
                        revision: revision.clone(),
                        file: file.clone(),
                        parent: parent.clone(),
                    }),
                }
            }
            let mut dependencies = Vec::with_capacity(depends_on.len());
            for dependency in depends_on {
                match self.revisions.get(dependency).or_else(|| self.labels.get(dependency)) {
                    Some(&dependency) if dependencies.contains(&dependency) => {}
                    Some(&dependency) => dependencies.push(dependency),
                    // An empty string alone stands for no dependency.
                    None if depends_on.len() == 1 && dependency.is_empty() => {}
                    None => self.findings.push(Finding::MissingDependency {
                        revision: revision.clone(),
                        file: file.clone(),
                        dependency: dependency.clone(),
                    }),
                }
            }
            for &parent in &parents {
                self.nodes[parent].children.push(position);
                self.nodes[parent].dependents.push(position);
            }
            for &dependency in &dependencies {
                if !parents.contains(&dependency) {
                    self.nodes[dependency].dependents.push(position);
                }
            }
            self.nodes[position].parents = parents;
            self.nodes[position].dependencies = dependencies;
        }
    }

    /// What remains once every revision without predecessors and every one without successors is taken away, again and
    /// again, lies on a cycle or between two.
    fn find_cycles(&mut self) {
        let down: Vec<Vec<Position>> = self
            .nodes
            .iter()
            .map(|node| {
                let further = node.dependencies.iter().filter(|dependency| !node.parents.contains(dependency));
                node.parents.iter().chain(further).copied().collect()
            })
            .collect();
        let up: Vec<&[Position]> = self.nodes.iter().map(|node| node.dependents.as_slice()).collect();
        let down: Vec<&[Position]> = down.iter().map(Vec::as_slice).collect();
        let mut remaining = vec![true; self.nodes.len()];
        strip(&mut remaining, &down, &up);
        strip(&mut remaining, &up, &down);
        let revisions = self.sorted_ids((0..remaining.len()).filter(|&position| remaining[position]));
        if !revisions.is_empty() {
            self.findings.push(Finding::Cycle { revisions });
        }
    }

    /// Leaves out the dependencies that an ancestor by `down_revision` has already.
    fn normalise(&mut self) {
        let mut declared_by = vec![0_usize; self.nodes.len()];
        for node in &self.nodes {
            node.dependencies.iter().for_each(|&dependency| declared_by[dependency] += 1);
        }
        let requires: Vec<Vec<Position>> = (0..self.nodes.len())
            .map(|position| {
                let node = &self.nodes[position];
                let mut requires = node.parents.clone();
                let repeated = node.dependencies.iter().any(|&dependency| declared_by[dependency] > 1);
                let inherited = if repeated { self.inherited_dependencies(position) } else { BTreeSet::new() };
                requires.extend(
                    node.dependencies
                        .iter()
                        .filter(|dependency| !inherited.contains(dependency) && !node.parents.contains(dependency)),
                );
                requires
            })
            .collect();
        for (node, requires) in self.nodes.iter_mut().zip(requires) {
            node.requires = requires;
        }
    }

    fn inherited_dependencies(&self, position: Position) -> BTreeSet<Position> {
        let parents = self.nodes[position].parents.iter().copied();
        let ancestors = self.closure(parents, |node| &node.parents);
        let ancestors = (0..ancestors.len()).filter(|&ancestor| ancestors[ancestor] && ancestor != position);
        ancestors.flat_map(|ancestor| self.nodes[ancestor].dependencies.iter().copied()).collect()
    }
}

/// Takes away what `before` does not hold back any more, and then what that releases through `after`.
fn strip(remaining: &mut [bool], before: &[&[Position]], after: &[&[Position]]) {
    let held = |position: Position| before[position].iter().filter(|&&other| remaining[other]).count();
    let mut holding: Vec<usize> = (0..before.len()).map(held).collect();
    let mut free: Vec<Position> =
        (0..before.len()).filter(|&position| remaining[position] && holding[position] == 0).collect();
    while let Some(position) = free.pop() {
        remaining[position] = false;
        for &other in after[position] {
            if remaining[other] {
                holding[other] -= 1;
                if holding[other] == 0 {
                    free.push(other);
                }
            }
        }
    }
}

#[cfg(test)]
pub(in crate::alembic) mod tests;
