//! The order in which Alembic applies what is pending.

use super::{Finding, Graph, Position};

impl Graph {
    /// What an upgrade to the effective heads would run from a database with `applied` in its version table, in that
    /// order. On a graph with a cycle, where there is no such order, in the order of the files.
    pub fn pending(&self, applied: &[Position]) -> Vec<Position> {
        let targets = self.effective_heads();
        let applied = self.ancestors(applied.iter().copied());
        let mut wanted = self.ancestors(targets.iter().copied());
        for (wanted, applied) in wanted.iter_mut().zip(applied) {
            *wanted &= !applied;
        }
        if self.findings.iter().any(|finding| matches!(finding, Finding::Cycle { .. })) {
            return (0..wanted.len()).filter(|&position| wanted[position]).collect();
        }
        let mut order = self.downwards(&targets, &mut wanted);
        order.reverse();
        order
    }

    /// Every revision in the order of an upgrade.
    pub fn history(&self) -> Vec<Position> {
        self.pending(&[])
    }

    /// The order of Alembic's `_topological_sort`: it walks down a branch until another head depends on the next
    /// revision, and goes on with the first of those heads. Takes what it emits out of `todo`.
    fn downwards(&self, targets: &[Position], todo: &mut [bool]) -> Vec<Position> {
        // How many revisions that are still to come follow each revision: none means that it can be emitted.
        let mut blocked: Vec<usize> = vec![0; self.nodes.len()];
        for position in (0..todo.len()).filter(|&position| todo[position]) {
            self.nodes[position].requires.iter().for_each(|&required| blocked[required] += 1);
        }
        let mut heads: Vec<Position> = targets.iter().copied().filter(|&target| todo[target]).collect();
        let mut current = 0;
        let mut order = Vec::new();
        while let Some(&candidate) = heads.get(current) {
            if blocked[candidate] > 0 {
                match self.first_above(candidate, &heads, todo) {
                    Some(above) => current = above,
                    None => break,
                }
                continue;
            }
            todo[candidate] = false;
            order.push(candidate);
            let requires = &self.nodes[candidate].requires;
            for &required in requires {
                blocked[required] -= 1;
            }
            let mut added = requires
                .iter()
                .copied()
                .filter(|&next| todo[next])
                .filter(|next| !heads.contains(next))
                .collect::<Vec<_>>();
            if added.is_empty() {
                heads.remove(current);
                current = current.saturating_sub(1);
            } else {
                heads[current] = added.remove(0);
                heads.extend(added);
            }
        }
        order
    }

    /// The index of the first head that has `candidate` among its ancestors.
    fn first_above(&self, candidate: Position, heads: &[Position], todo: &[bool]) -> Option<usize> {
        let mut above = vec![false; self.nodes.len()];
        let mut climb = vec![candidate];
        while let Some(position) = climb.pop() {
            for &dependent in self.nodes[position].dependents.iter().filter(|&&dependent| todo[dependent]) {
                if !std::mem::replace(&mut above[dependent], true) {
                    climb.push(dependent);
                }
            }
        }
        heads.iter().position(|&head| head != candidate && above[head])
    }
}
