//! The revocation feed with real verifier processes: latency, waits for the fleet, cut networks, crashes, reconnections.
//!
//! Short forms of the scenarios of `cargo xtask soak`.

#![allow(clippy::unwrap_used, reason = "what a test cannot prepare fails it")]

use counterfoil_fault_injection::feed::verifier::serve_if_configured;
use counterfoil_fault_injection::feed::verifier_process::VerifierProgram;
use counterfoil_fault_injection::feed::{crash, cut_off, fleet_wait, latency, reconnection};
use counterfoil_fault_injection::program::Program;
use counterfoil_fault_injection::report::Report;

fn program() -> Program {
    Program::new(env!("CARGO_BIN_EXE_counterfoil"))
}

/// This program as a verifier: it runs the test below.
fn verifiers() -> VerifierProgram {
    VerifierProgram::current(["--exact", "a_verifier_process", "--nocapture"]).unwrap()
}

/// The processes of the other tests. Without their environment it does nothing.
#[test]
fn a_verifier_process() {
    serve_if_configured().unwrap();
}

fn assert_met(report: &Report) {
    println!("{report}");
    assert!(report.is_met(), "{report}");
}

#[test]
fn a_logout_reaches_three_verifier_processes_and_stays() {
    let temp = tempfile::tempdir().unwrap();
    assert_met(&latency::run(&program(), &verifiers(), temp.path(), latency::Size::SHORT, &|| {}).unwrap());
}

#[test]
fn after_a_wait_for_the_fleet_hammering_clients_find_no_acceptance() {
    let temp = tempfile::tempdir().unwrap();
    let size = fleet_wait::Size::SHORT;
    assert_met(&fleet_wait::run(&program(), &verifiers(), temp.path(), size, &|| {}).unwrap());
}

#[test]
fn verifiers_that_are_cut_off_refuse_within_their_lease_and_heal_with_all_that_they_missed() {
    let temp = tempfile::tempdir().unwrap();
    assert_met(&cut_off::run(&program(), &verifiers(), temp.path(), cut_off::Size::SHORT, &|| {}).unwrap());
}

#[test]
fn a_revocation_that_a_killed_issuer_acknowledged_is_never_accepted_again() {
    let temp = tempfile::tempdir().unwrap();
    assert_met(&crash::run(&program(), &verifiers(), temp.path(), crash::Size::SHORT, 1, &|| {}).unwrap());
}

#[test]
fn many_verifiers_that_connect_at_once_take_little_memory_and_delay_no_login_for_long() {
    let temp = tempfile::tempdir().unwrap();
    assert_met(&reconnection::run(&program(), temp.path(), reconnection::Size::SHORT, &|| {}).unwrap());
}
