//! Several servers on one PostgreSQL database behind nginx, with the configuration that is shipped, while clients send requests
//! all the time.

#![cfg(feature = "postgres")]
#![allow(clippy::unwrap_used, reason = "what a test cannot prepare fails it")]

use counterfoil_fault_injection::nodes::load_balancer::LoadBalancer;
use counterfoil_fault_injection::nodes::{killed_node, rolling_restart};
use counterfoil_fault_injection::program::Program;
use counterfoil_test_support::{PostgresServer, skip};

fn program() -> Program {
    Program::new(env!("CARGO_BIN_EXE_counterfoil"))
}

/// Whether PostgreSQL and nginx are there; if not, the test is skipped.
#[track_caller]
fn has_programs() -> bool {
    let missing = match (PostgresServer::is_installed(), LoadBalancer::is_installed()) {
        (true, true) => return true,
        (false, _) => "PostgreSQL is not installed",
        (true, false) => "nginx is not installed",
    };
    skip(missing);
    false
}

#[test]
fn no_request_fails_while_each_node_is_restarted() {
    if !has_programs() {
        return;
    }
    let temp = tempfile::tempdir().unwrap();

    let report =
        rolling_restart::run(&[&program()], temp.path(), rolling_restart::Size::SHORT, 1, &|| {}).unwrap();

    println!("{report}");
    assert!(report.is_met(), "{report}");
}

#[test]
fn only_requests_in_progress_at_a_killed_node_fail_and_nothing_acknowledged_is_lost() {
    if !has_programs() {
        return;
    }
    let temp = tempfile::tempdir().unwrap();

    let report = killed_node::run(&program(), temp.path(), killed_node::Size::SHORT, 1, &|| {}).unwrap();

    println!("{report}");
    assert!(report.is_met(), "{report}");
}
