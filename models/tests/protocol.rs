//! The model of the protocol holds, and none of its rules can be left out.

use std::time::Instant;

use counterfoil_models::protocol::{ACCEPTED_AFTER_WAIT, Bounds, ClockRate, Protocol, Rule};
use stateright::{Checker, HasDiscoveries, Model};

/// Two processes on one key, one of them with a slow clock, and an issuer that restarts.
fn two_processes() -> Bounds {
    Bounds {
        verifiers: vec![ClockRate::Slow, ClockRate::Fast],
        earlier_revocations: 0,
        revocations: 1,
        ticks: 5,
        polls: 2,
        starts_fresh: true,
        issuer_restarts: 1,
        verifier_restarts: 0,
        duplicates: 0,
        checks_healing: false,
    }
}

/// One process that restarts, an issuer that restarts, and a log whose snapshot has several pages.
fn pages() -> Bounds {
    Bounds {
        verifiers: vec![ClockRate::Slow],
        earlier_revocations: 2,
        verifier_restarts: 1,
        checks_healing: true,
        ..two_processes()
    }
}

/// One process that knows nothing at first, and a network that repeats a message.
fn duplicates() -> Bounds {
    Bounds {
        verifiers: vec![ClockRate::Slow],
        starts_fresh: false,
        issuer_restarts: 0,
        duplicates: 1,
        ..two_processes()
    }
}

/// The environment variable with which every model gets one poll and one tick more. That takes minutes.
const LONG: &str = "COUNTERFOIL_LONG_MODELS";

/// The bounds, wider if [`LONG`] is set.
fn widened(bounds: Bounds) -> Bounds {
    if std::env::var_os(LONG).is_none() {
        return bounds;
    }
    Bounds { polls: bounds.polls + 1, ticks: bounds.ticks + 1, ..bounds }
}

fn check(bounds: Bounds, removed: Option<Rule>) -> impl Checker<Protocol> {
    let started = Instant::now();
    let checker = Protocol { bounds, removed }.checker().threads(2);
    let checker = match removed {
        Some(_) => checker.finish_when(HasDiscoveries::AnyFailures),
        None => checker,
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
fn two_processes_on_one_key_never_accept_what_is_revoked() {
    check(widened(two_processes()), None).assert_properties();
}

#[test]
fn a_process_that_reads_pages_after_a_restart_never_accepts_what_is_revoked() {
    check(widened(pages()), None).assert_properties();
}

#[test]
fn a_repeated_message_never_makes_a_process_accept_what_is_revoked() {
    check(widened(duplicates()), None).assert_properties();
}

/// Without `rule`, within bounds in which the whole protocol holds, the checker finds a credential that is accepted although `property`
/// forbids it. Prints the shortest sequence of events.
fn assert_needed(rule: Rule, bounds: Bounds, property: &'static str) {
    let checker = check(bounds, Some(rule));
    let path = checker.discovery(property).unwrap_or_else(|| panic!("{rule:?} can be left out"));
    println!("without {rule:?}:");
    for action in path.into_actions() {
        println!("  {action:?}");
    }
}

#[test]
fn without_the_lease_margin_a_verifier_with_a_slow_clock_accepts_too_long() {
    assert_needed(Rule::LeaseMargin, two_processes(), ACCEPTED_AFTER_WAIT);
}

#[test]
fn without_the_wait_after_a_start_a_verifier_of_the_former_process_is_forgotten() {
    assert_needed(Rule::WaitAfterStart, two_processes(), ACCEPTED_AFTER_WAIT);
}

#[test]
fn without_acknowledgements_per_instance_one_process_acknowledges_for_another() {
    assert_needed(Rule::AcknowledgementPerInstance, two_processes(), ACCEPTED_AFTER_WAIT);
}

#[test]
fn if_a_snapshot_replaces_what_a_verifier_holds_it_forgets_a_revocation() {
    assert_needed(Rule::MergeOfSnapshots, pages(), ACCEPTED_AFTER_WAIT);
}

#[test]
fn a_lease_that_is_counted_from_the_response_outlasts_the_wait() {
    assert_needed(Rule::LeaseFromSending, two_processes(), ACCEPTED_AFTER_WAIT);
}

#[test]
fn a_delayed_response_to_an_earlier_poll_must_not_renew_a_lease() {
    assert_needed(Rule::OwnResponsesOnly, two_processes(), ACCEPTED_AFTER_WAIT);
}

#[test]
fn a_page_that_does_not_reach_the_head_must_not_renew_a_lease() {
    assert_needed(Rule::CompleteResponsesOnly, pages(), ACCEPTED_AFTER_WAIT);
}

#[test]
fn a_head_that_is_read_before_the_lease_is_recorded_may_lack_a_revocation() {
    assert_needed(Rule::LeaseBeforeHead, two_processes(), ACCEPTED_AFTER_WAIT);
}
