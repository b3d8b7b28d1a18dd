//! Finds cycles in a graph.

use std::collections::{BTreeMap, BTreeSet};

/// The cycles that `edges` form, each as `a -> b -> a`.
///
/// Not every cycle is listed, but enough of them that the graph has none once the listed ones are removed.
pub(crate) fn find(edges: &[(String, String)]) -> Vec<String> {
    let mut graph: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (from, to) in edges {
        graph.entry(from).or_default().insert(to);
    }
    let mut walk = Walk { graph: &graph, done: BTreeSet::new(), path: Vec::new(), found: Vec::new() };
    for node in graph.keys() {
        walk.visit(node);
    }
    walk.found
}

/// A depth-first walk. An edge to a node of the current path closes a cycle.
struct Walk<'a> {
    graph: &'a BTreeMap<&'a str, BTreeSet<&'a str>>,
    done: BTreeSet<&'a str>,
    path: Vec<&'a str>,
    found: Vec<String>,
}

impl<'a> Walk<'a> {
    fn visit(&mut self, node: &'a str) {
        if let Some(start) = self.path.iter().position(|visited| *visited == node) {
            self.found.push(format!("{} -> {node}", self.path[start..].join(" -> ")));
            return;
        }
        if self.done.contains(node) {
            return;
        }
        self.path.push(node);
        for next in self.graph.get(node).into_iter().flatten() {
            self.visit(next);
        }
        self.path.pop();
        self.done.insert(node);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edges(text: &[(&str, &str)]) -> Vec<(String, String)> {
        text.iter().map(|(from, to)| ((*from).to_owned(), (*to).to_owned())).collect()
    }

    #[test]
    fn a_graph_without_a_cycle_has_none() {
        assert!(find(&edges(&[("a", "b"), ("b", "c"), ("a", "c")])).is_empty());
    }

    #[test]
    fn a_cycle_is_shown_from_its_first_node_back_to_it() {
        assert_eq!(find(&edges(&[("x", "a"), ("a", "b"), ("b", "c"), ("c", "a")])), ["a -> b -> c -> a"]);
    }

    #[test]
    fn each_separate_cycle_is_listed() {
        assert_eq!(find(&edges(&[("a", "b"), ("b", "a"), ("c", "d"), ("d", "c")])).len(), 2);
    }
}
