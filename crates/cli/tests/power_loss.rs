//! The power goes, or the disk says that it cannot: the real binary on what is left.

#![allow(clippy::unwrap_used, reason = "what a test cannot prepare fails it")]

use std::time::Duration;

use counterfoil_fault_injection::program::Program;
use counterfoil_fault_injection::{failed_sync, power_loss};

fn program() -> Program {
    Program::new(env!("CARGO_BIN_EXE_counterfoil"))
}

#[test]
fn when_the_power_goes_nothing_acknowledged_is_lost_and_nothing_ended_is_alive() {
    let place = tempfile::tempdir().unwrap();

    let report = power_loss::run(&program(), place.path(), 20, Duration::from_secs(1), 1, &|| {}).unwrap();

    println!("{report}");
    assert!(report.is_met(), "{report}");
}

#[test]
fn a_write_or_a_sync_that_fails_is_never_acknowledged() {
    let place = tempfile::tempdir().unwrap();

    // From where the new database has its name.
    let sweep = failed_sync::Sweep { first_call: 16, count: 12 };
    let report = failed_sync::run(&program(), place.path(), sweep, 1, &|| {}).unwrap();

    println!("{report}");
    assert!(report.is_met(), "{report}");
}
