//! Power loss and failed disk syncs: what the binary finds on the disk afterwards.

#![allow(clippy::unwrap_used, reason = "what a test cannot prepare fails it")]

use std::time::Duration;

use counterfoil_fault_injection::program::Program;
use counterfoil_fault_injection::{failed_sync, power_loss};

fn program() -> Program {
    Program::new(env!("CARGO_BIN_EXE_counterfoil"))
}

#[test]
fn after_a_power_loss_nothing_acknowledged_is_lost_and_no_ended_session_is_active() {
    let temp = tempfile::tempdir().unwrap();

    let report = power_loss::run(&program(), temp.path(), 20, Duration::from_secs(1), 1, &|| {}).unwrap();

    println!("{report}");
    assert!(report.is_met(), "{report}");
}

#[test]
fn a_failed_write_or_sync_is_never_acknowledged() {
    let temp = tempfile::tempdir().unwrap();

    // The first call after the new database has been renamed.
    let sweep = failed_sync::Sweep { first_call: 16, count: 12 };
    let report = failed_sync::run(&program(), temp.path(), sweep, 1, &|| {}).unwrap();

    println!("{report}");
    assert!(report.is_met(), "{report}");
}
