//! The model of the caches of several nodes holds, and none of its rules can be left out.

use std::time::Instant;

use counterfoil_models::session_caches::{Bounds, LOST, OUTDATED, Rule, SessionCaches, TWO_SUCCESSORS};
use stateright::{Checker, HasDiscoveries, Model};

fn caches() -> Bounds {
    Bounds { nodes: 2, changes: 2, reads: 3, prunes: true, refreshes: 0 }
}

fn refreshes() -> Bounds {
    Bounds { nodes: 2, changes: 0, reads: 0, prunes: false, refreshes: 3 }
}

fn check(bounds: Bounds, removed: Option<(Rule, &'static str)>) -> impl Checker<SessionCaches> {
    let started = Instant::now();
    let checker = SessionCaches { bounds, removed: removed.map(|it| it.0) }.checker();
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
fn no_cache_answers_without_a_change_that_its_node_has_followed() {
    check(caches(), None).assert_properties();
}

#[test]
fn refreshes_at_two_nodes_have_one_successor_and_are_not_lost() {
    check(refreshes(), None).assert_properties();
}

/// The bounds within which the checker finds a fault without the rule, and the property that it violates.
fn counterexample(rule: Rule) -> (Bounds, &'static str) {
    match rule {
        Rule::EntryForEachChange
        | Rule::UnchangedSinceRead
        | Rule::InvalidateBeforeHead
        | Rule::EmptyWhenPruned
        | Rule::HeadOfSharedValue
        | Rule::HeadOfSnapshot
        | Rule::AgeOfSharedValue => (caches(), OUTDATED),
        Rule::SwapByRevision => (refreshes(), TWO_SUCCESSORS),
        Rule::AcknowledgeReplicated => (refreshes(), LOST),
    }
}

/// Prints the shortest sequence of events for each rule.
#[test]
fn without_a_rule_an_outdated_session_is_used_or_a_refresh_is_lost() {
    for rule in Rule::ALL {
        let (bounds, property) = counterexample(rule);
        let checker = check(bounds, Some((rule, property)));
        let path = checker.discovery(property).unwrap_or_else(|| panic!("{rule:?} can be left out"));
        println!("without {rule:?}: {:?}", path.into_actions());
    }
}
