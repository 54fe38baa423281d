use proptest::prelude::*;

use super::*;

/// `"c: a b / d #label"` is revision c, which follows a and b, depends on d and is labelled.
fn script(line: &str) -> Script {
    let (revision, rest) = line.split_at(line.find([':', '/', '#']).unwrap_or(line.len()));
    let rest = rest.trim_start_matches(':');
    let (rest, labels) = rest.split_once('#').unwrap_or((rest, ""));
    let (down, depends) = rest.split_once('/').unwrap_or((rest, ""));
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    Script {
        revision: revision.trim().to_owned(),
        down_revisions: words(down),
        depends_on: words(depends),
        branch_labels: words(labels),
        unknown_labels: false,
        file: format!("{}.py", revision.trim()),
        message: String::new(),
    }
}

pub(in crate::alembic) fn graph(lines: &[&str]) -> Graph {
    Graph::new(lines.iter().map(|line| script(line)).collect(), vec![])
}

fn ids(graph: &Graph, positions: Vec<Position>) -> Vec<&str> {
    positions.into_iter().map(|position| graph.id(position)).collect()
}

fn pending<'g>(graph: &'g Graph, applied: &[&str]) -> Vec<&'g str> {
    let applied: Vec<Position> = applied.iter().map(|id| graph.position(id).unwrap()).collect();
    ids(graph, graph.pending(&applied))
}

fn kinds(graph: &Graph) -> Vec<&'static str> {
    let kinds: Vec<_> = graph.findings().iter().map(Finding::kind).collect();
    assert!(kinds.iter().all(|kind| Finding::KINDS.contains(kind)));
    kinds
}

#[test]
fn a_chain_starts_and_ends_once() {
    let graph = graph(&["c: b", "a", "b: a"]);
    assert_eq!(ids(&graph, graph.heads()), ["c"]);
    assert_eq!(ids(&graph, graph.bases()), ["a"]);
    assert_eq!(pending(&graph, &[]), ["a", "b", "c"]);
    assert_eq!(pending(&graph, &["b"]), ["c"]);
    assert_eq!(pending(&graph, &["c"]), [""; 0]);
}

#[test]
fn branches_and_merges_are_told() {
    let graph = graph(&["a", "b: a", "c: a", "d: b c", "e: d", "f: d"]);
    assert_eq!(ids(&graph, graph.heads()), ["e", "f"]);
    assert_eq!(ids(&graph, graph.branch_points()), ["a", "d"]);
    assert_eq!(ids(&graph, graph.merge_points()), ["d"]);
    assert_eq!(pending(&graph, &["b"]), ["c", "d", "f", "e"]);
}

#[test]
fn a_dependency_takes_the_effective_head_but_not_the_head() {
    let graph = graph(&["a #x", "b", "c: b / a"]);
    assert_eq!(ids(&graph, graph.heads()), ["a", "c"]);
    assert_eq!(ids(&graph, graph.effective_heads()), ["c"]);
    assert_eq!(pending(&graph, &["b"]), ["a", "c"]);
}

#[test]
fn a_label_means_the_revision_that_declares_it() {
    let graph = graph(&["a #shop", "b: a", "c / shop"]);
    assert!(graph.is_sound());
    assert_eq!(graph.resolve("shop"), graph.position("a"));
    assert_eq!(ids(&graph, graph.effective_heads()), ["b", "c"]);
    assert_eq!(pending(&graph, &["b"]), ["c"]);
    assert_eq!(pending(&graph, &["c"]), ["b"]);
}

#[test]
fn a_dependency_that_an_ancestor_has_counts_once() {
    let graph = graph(&["d", "a / d", "b: a / d", "c: b / d"]);
    assert_eq!(pending(&graph, &["a"]), ["b", "c"]);
    let requires: Vec<usize> = ["a", "b", "c"].map(|id| graph.nodes[graph.position(id).unwrap()].requires.len()).into();
    assert_eq!(requires, [1, 1, 1]);
}

#[test]
fn a_truncated_identifier_resolves_when_it_is_unique() {
    let graph = graph(&["abcdef", "abcxyz: abcdef #abcx", "xyz: abcxyz", "uvw: xyz #uvwlabel"]);
    assert_eq!(graph.resolve("abcd"), graph.position("abcdef"));
    assert_eq!(graph.resolve("a"), None);
    assert_eq!(graph.resolve("abcxy"), graph.position("abcxyz"));
    // Alembic does not look for candidates of three characters, and refuses two that lead to the same revision.
    assert_eq!(graph.resolve("xy"), None);
    assert_eq!(graph.resolve("uv"), graph.position("uvw"));
    assert_eq!(graph.resolve("abcx"), graph.position("abcxyz"));
    assert_eq!(graph.resolve(""), None);
}

#[test]
fn defects_are_findings() {
    assert_eq!(kinds(&graph(&["a", "a"])), ["duplicate_revision"]);
    assert_eq!(kinds(&graph(&["a: z"])), ["missing_parent"]);
    assert_eq!(kinds(&graph(&["a #x", "b: x"])), ["missing_parent"]);
    assert_eq!(kinds(&graph(&["a / z"])), ["missing_dependency"]);
    assert_eq!(kinds(&graph(&["a #x", "b: a #x"])), ["duplicate_label"]);
    assert_eq!(kinds(&graph(&["a #a"])), ["duplicate_label"]);
    assert_eq!(kinds(&graph(&["a-b"])), ["illegal_identifier"]);
}

#[test]
fn cycles_are_found_wherever_they_are() {
    let cycle = |lines: &[&str]| match graph(lines).findings() {
        [Finding::Cycle { revisions }] => revisions.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(cycle(&["a: a"]), ["a"]);
    assert_eq!(cycle(&["a: b", "b: a"]), ["a", "b"]);
    assert_eq!(cycle(&["a", "b: a c", "c: b", "d: c"]), ["b", "c"]);
    assert_eq!(cycle(&["a / b", "b: a"]), ["a", "b"]);
    assert_eq!(cycle(&["a / a"]), ["a"]);
    // Where they are, a walk still ends.
    assert_eq!(pending(&graph(&["a", "b: a c", "c: b", "d: c"]), &["a"]), ["b", "c", "d"]);
}

#[test]
fn a_long_chain_does_not_exhaust_the_stack() {
    let lines: Vec<String> =
        (0..20_000).map(|n| format!("{n}:{}", if n == 0 { String::new() } else { (n - 1).to_string() })).collect();
    let graph = graph(&lines.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(graph.history().len(), 20_000);
    assert!(graph.is_sound());
}

/// Revisions, each with parents and dependencies among the ones before it, in any order of files.
fn acyclic() -> impl Strategy<Value = Vec<Script>> {
    let edges = (
        prop::collection::vec(any::<prop::sample::Index>(), 0..3),
        prop::collection::vec(any::<prop::sample::Index>(), 0..2),
    );
    prop::collection::vec(edges, 1..30)
        .prop_map(|edges| {
            let scripts = edges.into_iter().enumerate().map(|(number, (down, depends))| {
                let pick = |indexes: Vec<prop::sample::Index>| {
                    let picked: BTreeSet<usize> =
                        indexes.iter().filter(|_| number > 0).map(|index| index.index(number)).collect();
                    picked.into_iter().map(|number| format!("r{number}")).collect::<Vec<_>>()
                };
                let mut script = script(&format!("r{number}"));
                (script.down_revisions, script.depends_on) = (pick(down), pick(depends));
                script
            });
            scripts.collect::<Vec<_>>()
        })
        .prop_shuffle()
}

/// Anything at all: duplicates, cycles, dangling references.
fn arbitrary() -> impl Strategy<Value = Vec<Script>> {
    let name = || prop::sample::select(vec!["a", "b", "c", "d", "e", "f", "zz", ""]);
    let names = move || {
        prop::collection::vec(name(), 0..3).prop_map(|names| names.into_iter().map(str::to_owned).collect::<Vec<_>>())
    };
    let one = (name(), names(), names(), names()).prop_map(|(revision, down, depends, labels)| {
        let mut script = script(revision);
        (script.down_revisions, script.depends_on, script.branch_labels) = (down, depends, labels);
        script
    });
    prop::collection::vec(one, 0..12)
}

proptest! {
    #[test]
    fn an_acyclic_graph_holds_its_invariants(scripts in acyclic(), applied in prop::collection::vec(any::<prop::sample::Index>(), 0..4)) {
        let graph = Graph::new(scripts, vec![]);
        prop_assert!(graph.is_sound(), "{:?}", graph.findings());
        let history = graph.history();
        prop_assert_eq!(history.len(), graph.len());
        let place = |position: Position| history.iter().position(|&other| other == position).unwrap();
        for position in 0..graph.len() {
            for &required in &graph.nodes[position].requires {
                prop_assert!(place(required) < place(position));
            }
        }
        let heads = graph.heads();
        prop_assert!(graph.effective_heads().iter().all(|head| heads.contains(head)));
        prop_assert!(!graph.effective_heads().is_empty() && !graph.bases().is_empty());
        prop_assert!(graph.pending(&graph.effective_heads()).is_empty());

        let applied: Vec<Position> = applied.iter().map(|index| index.index(graph.len())).collect();
        let done = graph.ancestors(applied.iter().copied());
        let pending = graph.pending(&applied);
        prop_assert_eq!(pending.len() + done.iter().filter(|&&done| done).count(), graph.len());
        prop_assert!(pending.iter().all(|&position| !done[position]));
    }

    #[test]
    fn any_set_of_scripts_makes_a_graph(scripts in arbitrary()) {
        let graph = Graph::new(scripts, vec![]);
        graph.history();
        for position in 0..graph.len() {
            graph.pending(&[position]);
        }
        prop_assert!(graph.len() <= graph.declared().len());
    }
}
