//! What must hold in every state, and what must happen in some.

use stateright::Property;

use crate::protocol::message::Message;
use crate::protocol::time::LEASE_OF_SLOWEST;
use crate::protocol::{Bounds, InForce, Protocol, State};

/// I1 with `"wait": "fleet"`: once the call has returned, no verifier accepts the credential.
pub const ACCEPTED_AFTER_WAIT: &str = "after a wait for the fleet no verifier accepts the credential";
/// I1 without a wait: a lease after the call has returned, no verifier accepts the credential.
pub const ACCEPTED_AFTER_LEASE: &str = "a lease after a revocation no verifier accepts the credential";
/// A wait ends, whatever the network and the verifiers do.
pub const OVERDUE_WAIT: &str = "a wait for the fleet ends within a lease, as the issuer counts it";
/// A verifier that reaches the issuer again is fresh soon, with everything that it missed.
pub const NOT_HEALED: &str = "a verifier that is connected again is fresh after a poll for each page";
/// The model reaches what it is about.
pub const CONFIRMED: &str = "a wait ends because a verifier has acknowledged";
/// The model reaches what it is about.
pub const EXPIRED: &str = "a wait ends because the lease of a verifier has run out";
/// The model reaches what it is about.
pub const PAGES: &str = "a snapshot has more than one page";

/// The properties of a model with these bounds.
pub(super) fn all(bounds: &Bounds) -> Vec<Property<Protocol>> {
    let mut all = vec![
        Property::always(ACCEPTED_AFTER_WAIT, |_, state: &State| !is_accepted_after_wait(state)),
        Property::always(ACCEPTED_AFTER_LEASE, |_, state: &State| !is_accepted_after_lease(state)),
        Property::always(OVERDUE_WAIT, |_, state: &State| !state.issuer.has_overdue_wait(state.now)),
        Property::sometimes(CONFIRMED, |_, state: &State| ends(state, |it| it.is_confirmed)),
        Property::sometimes(EXPIRED, |_, state: &State| ends(state, |it| it.is_expired)),
    ];
    if bounds.checks_healing {
        all.push(Property::always(NOT_HEALED, |model, state: &State| {
            (0..state.verifiers.len()).all(|index| heals(model, state, index))
        }));
    }
    if bounds.earlier_revocations > 0 && bounds.issuer_restarts > 0 {
        all.push(Property::sometimes(PAGES, |_, state: &State| state.messages.iter().any(is_page)));
    }
    all
}

fn is_accepted_after_wait(state: &State) -> bool {
    is_accepted(state, |state, index| state.revocations[index].in_force.is_some())
}

fn is_accepted_after_lease(state: &State) -> bool {
    is_accepted(state, |state, index| {
        state.now >= state.revocations[index].acknowledged_at + LEASE_OF_SLOWEST
    })
}

/// Whether a verifier accepts the credential of a revocation for which `is_due`.
fn is_accepted(state: &State, is_due: impl Fn(&State, usize) -> bool) -> bool {
    (1..).zip(0..state.revocations.len()).any(|(position, index)| {
        is_due(state, index) && state.verifiers.iter().any(|verifier| verifier.accepts(position, state.now))
    })
}

/// Whether the verifier, connected from now on, gets fresh within one poll more than there are pages.
fn heals(model: &Protocol, state: &State, index: usize) -> bool {
    let mut state = state.clone();
    if state.issuer.committed > state.issuer.published {
        state.publish();
    }
    for _ in 0..=model.bounds.earlier_revocations + model.bounds.revocations {
        state.poll_at_once(index, model.removed);
    }
    let verifier = &state.verifiers[index];
    verifier.is_fresh(state.now) && verifier.has_all(state.issuer.published)
}

/// Whether a wait has ended in this way.
fn ends(state: &State, way: impl Fn(InForce) -> bool) -> bool {
    state.revocations.iter().filter_map(|revocation| revocation.in_force).any(way)
}

fn is_page(message: &Message) -> bool {
    matches!(message, Message::Response(response) if response.is_snapshot && response.next < response.head)
}
