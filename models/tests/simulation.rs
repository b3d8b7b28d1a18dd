//! Simulated schedules: the code holds, and a broken verifier is found.

use std::env;
use std::thread;
use std::time::Instant;

use counterfoil_models::simulation::{Fault, Summary, run};

/// The environment variable with the first seed. Without [`SCHEDULES`] only its schedule runs.
const SEED: &str = "COUNTERFOIL_SEED";
/// The environment variable with the number of schedules.
const SCHEDULES: &str = "COUNTERFOIL_SCHEDULES";

/// How many schedules run by default.
const DEFAULT_SCHEDULES: u64 = 10_000;
/// The schedules are distributed over threads.
const THREADS: u64 = 2;

fn number(name: &str) -> Option<u64> {
    env::var(name).ok().map(|text| text.parse().expect("the variable has a number"))
}

fn add(sum: &mut Summary, part: Summary) {
    sum.schedules += part.schedules;
    sum.revocations += part.revocations;
    sum.waits += part.waits;
    sum.issuer_crashes += part.issuer_crashes;
    sum.verifier_crashes += part.verifier_crashes;
    sum.responses += part.responses;
    sum.refusals += part.refusals;
}

#[test]
fn no_schedule_makes_a_verifier_accept_what_is_revoked() {
    let seed = number(SEED);
    let first = seed.unwrap_or(1);
    let schedules = number(SCHEDULES).unwrap_or(if seed.is_some() { 1 } else { DEFAULT_SCHEDULES });
    let threads = THREADS.min(schedules);
    let started = Instant::now();
    let each = schedules.div_ceil(threads);
    let runs: Vec<_> =
        (0..threads).map(|part| thread::spawn(move || run(first + part * each, each, None))).collect();

    let mut sum = Summary::default();
    for part in runs {
        match part.join().unwrap() {
            Ok(part) => add(&mut sum, part),
            Err(failure) => panic!("{failure}\nrepeat it with {SEED}={}", failure.seed),
        }
    }

    println!("seeds {first} to {}: {sum:?} in {:?}", first + sum.schedules - 1, started.elapsed());
    assert!(sum.schedules >= schedules);
    if schedules >= 1_000 {
        // The schedules are about something.
        assert!(sum.waits > schedules / 2 && sum.refusals > schedules, "{sum:?}");
        assert!(sum.issuer_crashes > schedules / 10 && sum.verifier_crashes > schedules / 10, "{sum:?}");
    }
}

#[test]
fn a_seed_repeats_a_schedule() {
    assert_eq!(run(7, 20, None).unwrap(), run(7, 20, None).unwrap());
}

#[test]
fn the_observer_finds_a_verifier_that_breaks_a_rule() {
    for fault in [Fault::LeaseBeforeEntries, Fault::LeaseFromArrival, Fault::AnyResponse] {
        let failure = run(1, 2_000, Some(fault)).expect_err("it is found");
        println!("{fault:?}: {failure}");
        assert!(failure.reason.contains("accepts"), "{fault:?}: {failure}");
    }
}
