//! The model of several nodes holds, and none of its rules can be left out.

use std::time::Instant;

use counterfoil_models::nodes::{
    ACCEPTED_AFTER_LEASES, ACCEPTED_AFTER_WAIT, ACCEPTED_FROM_MEMORY, Bounds, LEASE, LONG_LEASE, Nodes, Rule,
};
use counterfoil_models::protocol::ClockRate;
use stateright::{Checker, HasDiscoveries, Model};

/// A node with a slow clock that lags, is killed and joins again, and a verifier with a slow clock.
fn one_node() -> Bounds {
    Bounds {
        nodes: vec![(ClockRate::Slow, LEASE)],
        verifiers: vec![ClockRate::Slow],
        revocations: 1,
        ticks: 4,
        renewals: 1,
        reads: 1,
        polls: 1,
        restarts: 1,
        removes_rows: false,
        promotes_standby: false,
    }
}

/// A node that gives verifiers a longer lease than the observer would.
fn long_lease() -> Bounds {
    Bounds { nodes: vec![(ClockRate::Slow, LONG_LEASE)], ticks: 5, restarts: 0, ..one_node() }
}

/// A verifier that polls one node, and then perhaps the other.
fn two_nodes() -> Bounds {
    Bounds {
        nodes: vec![(ClockRate::Slow, LEASE), (ClockRate::Right, LEASE)],
        polls: 2,
        restarts: 0,
        ..one_node()
    }
}

/// Two revocations, of which a node may get one notification.
fn two_revocations() -> Bounds {
    Bounds { revocations: 2, ticks: 3, renewals: 2, polls: 0, restarts: 0, ..one_node() }
}

/// A node whose row is removed while it stands still.
fn removal() -> Bounds {
    Bounds { removes_rows: true, renewals: 2, reads: 0, restarts: 0, ..one_node() }
}

/// A node that is connected to a former primary.
fn promotion() -> Bounds {
    Bounds { promotes_standby: true, renewals: 2, restarts: 0, ..one_node() }
}

fn check(bounds: Bounds, removed: Option<(Rule, &'static str)>) -> impl Checker<Nodes> {
    let started = Instant::now();
    let checker = Nodes { bounds, removed: removed.map(|it| it.0) }.checker();
    let checker = match removed {
        Some((_, property)) => checker.finish_when(HasDiscoveries::AnyOf([property].into())),
        None => checker.threads(2),
    };
    let checker = checker.spawn_bfs().join();
    println!(
        "{removed:?}: {} states, {} different, {:?}",
        checker.state_count(),
        checker.unique_state_count(),
        started.elapsed()
    );
    checker
}

#[test]
fn a_node_that_lags_is_killed_and_joins_never_accepts_what_is_revoked() {
    check(one_node(), None).assert_properties();
}

#[test]
fn a_long_lease_of_a_verifier_is_awaited() {
    check(long_lease(), None).assert_properties();
}

#[test]
fn a_verifier_that_changes_between_nodes_never_accepts_what_is_revoked() {
    check(two_nodes(), None).assert_properties();
}

#[test]
fn a_node_that_misses_notifications_never_accepts_what_is_revoked() {
    check(two_revocations(), None).assert_properties();
}

#[test]
fn a_node_whose_row_is_removed_never_accepts_what_is_revoked() {
    check(removal(), None).assert_properties();
}

#[test]
fn a_node_on_a_former_primary_never_accepts_what_is_revoked() {
    check(promotion(), None).assert_properties();
}

/// The bounds within which the checker finds a credential that is accepted without the rule, and the property that it violates.
fn counterexample(rule: Rule) -> (Bounds, &'static str) {
    match rule {
        Rule::ObserverMargin
        | Rule::LeaseOfVerifiers
        | Rule::ClockAfterRead
        | Rule::RowsAfterCommit
        | Rule::LogAfterCounter
        | Rule::RowBeforeLog
        | Rule::LeaseFromBegin
        | Rule::LeaseByRenewal
        | Rule::ReportAfterVisible
        | Rule::ReportOfVerifiers
        | Rule::RowOfProcess
        | Rule::RowAfterStop => (one_node(), ACCEPTED_AFTER_WAIT),
        Rule::PromiseInRow | Rule::PromiseBeforeAnswer => (long_lease(), ACCEPTED_AFTER_WAIT),
        Rule::NotificationsWake | Rule::OneSnapshot | Rule::PositionUnderLock => {
            (two_revocations(), ACCEPTED_AFTER_WAIT)
        }
        Rule::ConditionalRemoval => (removal(), ACCEPTED_AFTER_WAIT),
        Rule::ReplicatedRenewal => (promotion(), ACCEPTED_AFTER_WAIT),
        Rule::LeaseForPolls => (one_node(), ACCEPTED_AFTER_LEASES),
        Rule::LeaseForMemory => (one_node(), ACCEPTED_FROM_MEMORY),
    }
}

/// Prints the shortest sequence of events for each rule.
#[test]
fn without_a_rule_a_credential_is_accepted_too_long() {
    for rule in Rule::ALL {
        let (bounds, property) = counterexample(rule);
        let checker = check(bounds, Some((rule, property)));
        let path = checker.discovery(property).unwrap_or_else(|| panic!("{rule:?} can be left out"));
        println!("without {rule:?}: {:?}", path.into_actions());
    }
}
