//! Other living nodes with the name of this one, which is a mistake in the configuration.

use std::collections::HashMap;

use counterfoil_core::store::NodeId;

use crate::store::node::peers::NodeStatus;

/// The other nodes with the name of this one, as they were seen first.
#[derive(Debug, Default)]
pub(crate) struct Namesakes(HashMap<NodeId, Sight>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sight {
    /// With this counter of renewals.
    First(u64),
    /// It has renewed since, which was reported.
    Reported,
}

impl Namesakes {
    /// Takes note of the `nodes`, and returns those with the name of this one that have renewed since they were seen first, each once.
    ///
    /// The row of a process that was killed and started again does not change any more, so it is not reported.
    pub(crate) fn observe(&mut self, nodes: &[NodeStatus]) -> Vec<NodeId> {
        let Some(own) = nodes.iter().find(|node| node.is_this) else { return Vec::new() };
        let is_namesake = |node: &&NodeStatus| !node.is_this && node.row.name == own.row.name;
        let namesakes: Vec<_> = nodes.iter().filter(is_namesake).map(|node| &node.row).collect();
        self.0.retain(|id, _| namesakes.iter().any(|row| row.id == *id));
        let mut found = Vec::new();
        for row in namesakes {
            let sight = self.0.entry(row.id).or_insert(Sight::First(row.renewals));
            if matches!(*sight, Sight::First(renewals) if renewals != row.renewals) {
                *sight = Sight::Reported;
                found.push(row.id);
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use counterfoil_core::store::NodeRow;
    use counterfoil_verify::RevocationPosition;

    use super::*;

    const THIS: NodeId = NodeId::from_bytes([0; 16]);
    const OTHER: NodeId = NodeId::from_bytes([1; 16]);

    fn node(id: NodeId, name: &str, renewals: u64) -> NodeStatus {
        let row = NodeRow {
            id,
            name: name.to_owned(),
            renewals,
            applied: RevocationPosition::new(0),
            confirmed: RevocationPosition::new(0),
            lease: Duration::from_secs(2),
            promised: Duration::ZERO,
            last_change: 0,
        };
        NodeStatus { row, is_this: id == THIS, is_dead: false }
    }

    #[test]
    fn a_living_node_with_the_name_of_this_one_is_reported_once() {
        let mut namesakes = Namesakes::default();
        let mut observe = |other: NodeStatus| namesakes.observe(&[node(THIS, "a", 7), other]);

        assert!(observe(node(OTHER, "a", 1)).is_empty(), "it may have been killed before");
        assert!(observe(node(OTHER, "a", 1)).is_empty());
        assert_eq!(observe(node(OTHER, "a", 2)), [OTHER]);
        assert!(observe(node(OTHER, "a", 3)).is_empty());
        for renewals in 4..6 {
            assert!(observe(node(OTHER, "b", renewals)).is_empty(), "another name");
        }
    }
}
