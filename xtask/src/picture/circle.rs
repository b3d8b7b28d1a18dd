//! Circles among arrows.

use std::collections::{BTreeMap, BTreeSet};

/// The circles among `arrows`, one for each node that closes one, shown as `a -> b -> a`.
///
/// Not every circle is listed: enough of them that none is left when those listed are gone.
pub(crate) fn find(arrows: &[(String, String)]) -> Vec<String> {
    let mut graph: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (from, to) in arrows {
        graph.entry(from).or_default().insert(to);
    }
    let mut walk = Walk { graph: &graph, done: BTreeSet::new(), path: Vec::new(), found: Vec::new() };
    for node in graph.keys() {
        walk.visit(node);
    }
    walk.found
}

/// A walk in depth: an arrow to a node of the path that we stand on closes a circle.
struct Walk<'a> {
    graph: &'a BTreeMap<&'a str, BTreeSet<&'a str>>,
    done: BTreeSet<&'a str>,
    path: Vec<&'a str>,
    found: Vec<String>,
}

impl<'a> Walk<'a> {
    fn visit(&mut self, node: &'a str) {
        if let Some(begin) = self.path.iter().position(|passed| *passed == node) {
            self.found.push(format!("{} -> {node}", self.path[begin..].join(" -> ")));
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

    fn arrows(text: &[(&str, &str)]) -> Vec<(String, String)> {
        text.iter().map(|(from, to)| ((*from).to_owned(), (*to).to_owned())).collect()
    }

    #[test]
    fn arrows_that_fall_make_no_circle() {
        assert!(find(&arrows(&[("a", "b"), ("b", "c"), ("a", "c")])).is_empty());
    }

    #[test]
    fn a_circle_is_shown_as_one_walks_it() {
        assert_eq!(find(&arrows(&[("x", "a"), ("a", "b"), ("b", "c"), ("c", "a")])), ["a -> b -> c -> a"]);
    }

    #[test]
    fn two_circles_are_two() {
        assert_eq!(find(&arrows(&[("a", "b"), ("b", "a"), ("c", "d"), ("d", "c")])).len(), 2);
    }
}
