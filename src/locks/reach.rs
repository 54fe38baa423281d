//! Which nodes of a directed graph can be reached from which, cycles included.

/// The transitive closure of a graph, a row of bits per node.
#[derive(Debug)]
pub(super) struct Reach {
    rows: Vec<Vec<u64>>,
}

impl Reach {
    /// The closure of the graph whose node `n` has edges to `edges[n]`.
    pub(super) fn new(edges: &[Vec<usize>]) -> Self {
        let words = edges.len().div_ceil(64);
        let mut rows = vec![vec![0; words]; edges.len()];
        for (row, targets) in rows.iter_mut().zip(edges) {
            for &target in targets {
                row[target / 64] |= 1 << (target % 64);
            }
        }
        // One pass follows a chain to its end when the numbers of its nodes fall, the next one when they rise.
        let (up, down): (Vec<usize>, Vec<usize>) = ((0..edges.len()).collect(), (0..edges.len()).rev().collect());
        for order in [&up, &down].into_iter().cycle() {
            let mut changed = false;
            for &node in order {
                let mut row = std::mem::take(&mut rows[node]);
                for &target in edges[node].iter().filter(|&&target| target != node) {
                    for (word, reached) in row.iter_mut().zip(&rows[target]) {
                        changed |= *reached & !*word != 0;
                        *word |= reached;
                    }
                }
                rows[node] = row;
            }
            if !changed {
                break;
            }
        }
        Self { rows }
    }

    /// Whether a path of at least one edge leads from `from` to `to`.
    pub(super) fn reaches(&self, from: usize, to: usize) -> bool {
        self.rows[from][to / 64] >> (to % 64) & 1 == 1
    }

    /// Every node that `from` reaches.
    pub(super) fn from(&self, from: usize) -> impl Iterator<Item = usize> {
        (0..self.rows.len()).filter(move |&to| self.reaches(from, to))
    }
}

#[cfg(test)]
mod tests {
    use super::Reach;

    #[test]
    fn chains_branches_and_cycles_are_followed_to_their_end() {
        let reach = Reach::new(&[vec![1], vec![2, 3], vec![], vec![4], vec![3], vec![]]);
        assert_eq!(reach.from(0).collect::<Vec<_>>(), [1, 2, 3, 4]);
        assert!(reach.reaches(3, 3) && reach.reaches(4, 4) && !reach.reaches(0, 0));
        assert_eq!(reach.from(5).count(), 0);
    }

    #[test]
    fn a_long_chain_is_followed_whichever_way_its_nodes_are_numbered() {
        let forward: Vec<Vec<usize>> = (0..300).map(|node| if node < 299 { vec![node + 1] } else { vec![] }).collect();
        let backward: Vec<Vec<usize>> = (0..300).map(|node| if node > 0 { vec![node - 1] } else { vec![] }).collect();
        assert_eq!(Reach::new(&forward).from(0).count(), 299);
        assert_eq!(Reach::new(&backward).from(299).count(), 299);
    }
}
