//! The figures of the capacity plan in `docs/operations.md`. `--nocapture` prints them.

use std::time::Duration;

use counterfoil_core::services::login_rate_limiter::RateLimit;
use counterfoil_models::fan_out::{Outcome, Parameters, run};

/// The processor time of one response to a poll. A server without TLS took 23 µs.
const RESPONSE_COST: Duration = Duration::from_micros(60);

fn parameters(nodes: usize, verifiers: usize, revocations_per_second: u64, polls: u32) -> Parameters {
    Parameters {
        nodes,
        cores: 2,
        verifiers,
        revocations_per_second,
        lease: Duration::from_secs(3),
        polls_per_instance: RateLimit { max: polls, window: Duration::from_secs(1) },
        response_cost: RESPONSE_COST,
        node_delay: (Duration::from_micros(500), Duration::from_millis(3)),
        network_delay: (Duration::from_micros(100), Duration::from_millis(2)),
        duration: Duration::from_secs(4),
        seed: 1,
    }
}

fn show(name: &str, parameters: &Parameters) -> Outcome {
    let outcome = run(parameters);
    println!("{name}: {outcome}");
    outcome
}

#[test]
fn ten_thousand_verifiers_learn_of_the_peak_of_100_million_users_within_a_third_of_a_second() {
    let outcome =
        show("ten nodes, 290 revocations a second, 5 polls a second", &parameters(10, 10_000, 290, 5));

    assert_eq!(outcome.revocations, 1_160);
    assert!(outcome.last_verifier_p99 < Duration::from_millis(333), "{outcome}");
    assert!(outcome.processor_share < 0.5, "{outcome}");
}

#[test]
fn one_revocation_alone_reaches_them_as_fast_as_the_responses_are_written() {
    let mut quiet = parameters(10, 10_000, 1, 5);
    quiet.duration = Duration::from_secs(20);
    let outcome = show("ten nodes, 1 revocation a second", &quiet);

    // A thousand verifiers a node, two cores.
    let written = RESPONSE_COST * 500;
    assert!(
        outcome.last_verifier_median > written && outcome.last_verifier_median < written * 3,
        "{outcome}"
    );
}

#[test]
fn a_node_that_has_too_many_verifiers_is_slower_and_loses_nothing() {
    let ten = show("ten nodes, 290 revocations a second, no limit", &parameters(10, 10_000, 290, 200));
    let one = show("one node, 290 revocations a second, no limit", &parameters(1, 10_000, 290, 200));

    assert_eq!(one.revocations, ten.revocations);
    assert!(one.last_verifier_p99 > ten.last_verifier_p99 * 2, "{one}");
    assert!(one.processor_share > 0.9, "{one}");
}
