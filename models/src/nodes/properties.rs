//! What must hold in every state, and what must happen in some.

use stateright::Property;

use crate::nodes::time::{LONG_LEASE, NODE_LEASE, ticks_of};
use crate::nodes::{Bounds, InForce, Nodes, Revocation, State};

/// I1 with `"wait": "fleet"`: once the call has returned, neither a node nor a verifier accepts the credential.
pub const ACCEPTED_AFTER_WAIT: &str = "after a wait for the fleet nothing accepts the credential";
/// I1 for the nodes, without a wait.
pub const ACCEPTED_FROM_MEMORY: &str = "a lease of a node after a revocation no node accepts the credential";
/// I1 for the verifiers, without a wait.
pub const ACCEPTED_AFTER_LEASES: &str =
    "a lease of a node and one of a verifier after a revocation nothing accepts the credential";
/// The model reaches what it is about.
pub const CONFIRMED: &str = "a wait ends because every node has reported";
/// The model reaches what it is about.
pub const EXPIRED: &str = "a wait ends because leases have run out";
/// The model reaches what it is about.
pub const MIXED: &str = "a wait ends because one node has reported and the leases of another have run out";
/// The model reaches what it is about.
pub const ROW_REMOVED: &str = "the row of a dead node is removed, and a wait ends without it";

/// The properties of a model with these bounds.
pub(super) fn all(bounds: &Bounds) -> Vec<Property<Nodes>> {
    let mut all = vec![
        Property::always(ACCEPTED_AFTER_WAIT, |model: &Nodes, state: &State| {
            !is_accepted(model, state, |revocation| revocation.in_force.is_some())
        }),
        Property::always(ACCEPTED_FROM_MEMORY, |model: &Nodes, state: &State| {
            let bound = ticks_of(NODE_LEASE);
            !state.revocations.iter().any(|revocation| {
                state.now >= revocation.committed_at + bound && is_accepted_by_node(model, state, revocation)
            })
        }),
        Property::always(ACCEPTED_AFTER_LEASES, |model: &Nodes, state: &State| {
            let bound = ticks_of(NODE_LEASE + LONG_LEASE);
            !is_accepted(model, state, |revocation| state.now >= revocation.committed_at + bound)
        }),
    ];
    if bounds.nodes.len() == 1 {
        all.push(Property::sometimes(CONFIRMED, |_, state: &State| {
            ends(state, |it| it.is_confirmed && !it.is_expired)
        }));
        all.push(Property::sometimes(EXPIRED, |_, state: &State| ends(state, |it| it.is_expired)));
    } else {
        all.push(Property::sometimes(MIXED, |_, state: &State| {
            ends(state, |it| it.is_confirmed && it.is_expired)
        }));
    }
    if bounds.removes_rows {
        all.push(Property::sometimes(ROW_REMOVED, |_, state: &State| {
            state.has_removed_row && ends(state, |it| !it.is_expired)
        }));
    }
    all
}

/// Whether the credential of a revocation for which `is_due` is accepted.
fn is_accepted(model: &Nodes, state: &State, is_due: impl Fn(&Revocation) -> bool) -> bool {
    state.revocations.iter().filter(|revocation| is_due(revocation)).any(|revocation| {
        is_accepted_by_node(model, state, revocation)
            || state.verifiers.iter().any(|verifier| verifier.accepts(revocation.position, state.now))
    })
}

fn is_accepted_by_node(model: &Nodes, state: &State, revocation: &Revocation) -> bool {
    state.nodes.iter().any(|node| node.accepts(revocation.position, state.now, model.removed))
}

/// Whether a wait has ended in this way.
fn ends(state: &State, way: impl Fn(InForce) -> bool) -> bool {
    state.revocations.iter().filter_map(|revocation| revocation.in_force).any(way)
}
