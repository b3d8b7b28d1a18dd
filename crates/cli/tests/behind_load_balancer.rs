//! Several servers on one PostgreSQL database behind nginx and behind HAProxy, with the configurations that are shipped, while
//! clients send requests all the time.

#![cfg(feature = "postgres")]
#![allow(clippy::unwrap_used, reason = "what a test cannot prepare fails it")]

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use counterfoil_fault_injection::check::ReuseGrace;
use counterfoil_fault_injection::nodes::fleet::{Fleet, FleetOptions};
use counterfoil_fault_injection::nodes::load_balancer::Kind;
use counterfoil_fault_injection::nodes::{killed_node, rolling_restart};
use counterfoil_fault_injection::program::{Program, is_single_error_message};
use counterfoil_test_support::{PostgresServer, skip};

fn program() -> Program {
    Program::new(env!("CARGO_BIN_EXE_counterfoil"))
}

/// Nodes share the machine with no others: on two busy cores every node would be slow enough to count as failed.
fn one_fleet() -> MutexGuard<'static, ()> {
    static FLEET: Mutex<()> = Mutex::new(());
    FLEET.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether PostgreSQL and the load balancer are there; if not, the test is skipped.
#[track_caller]
fn has_programs(balancer: Kind) -> bool {
    let missing = match (PostgresServer::is_installed(), balancer.is_installed()) {
        (true, true) => return true,
        (false, _) => "PostgreSQL is not installed".to_owned(),
        (true, false) => format!("{balancer:?} is not installed"),
    };
    skip(&missing);
    false
}

#[test]
fn no_request_fails_while_each_node_is_restarted_behind_haproxy() {
    if !has_programs(Kind::Haproxy) {
        return;
    }
    let _fleet = one_fleet();
    let temp = tempfile::tempdir().unwrap();
    let fleet = FleetOptions { balancer: Kind::Haproxy, ..FleetOptions::SHORT };
    let size = rolling_restart::Size { fleet, ..rolling_restart::Size::SHORT };

    let report = rolling_restart::run(&[&program()], temp.path(), size, 1, &|| {}).unwrap();

    println!("{report}");
    assert!(report.is_met(), "{report}");
}

#[test]
fn no_request_fails_while_each_node_is_restarted() {
    if !has_programs(Kind::Nginx) {
        return;
    }
    let _fleet = one_fleet();
    let temp = tempfile::tempdir().unwrap();

    let report =
        rolling_restart::run(&[&program()], temp.path(), rolling_restart::Size::SHORT, 1, &|| {}).unwrap();

    println!("{report}");
    assert!(report.is_met(), "{report}");
}

/// A version with one more migration, which adds a column and a table, and its rollback.
#[test]
fn no_request_fails_while_the_nodes_are_upgraded_and_while_they_are_rolled_back() {
    if !has_programs(Kind::Nginx) {
        return;
    }
    let _fleet = one_fleet();
    let temp = tempfile::tempdir().unwrap();
    let (current, next) = (program(), program().with_env("TEST_NEXT_SCHEMA", "1"));
    let size = rolling_restart::Size { rounds: 2, ..rolling_restart::Size::SHORT };

    let report = rolling_restart::run(&[&current, &next], temp.path(), size, 1, &|| {}).unwrap();

    println!("{report}");
    assert!(report.is_met(), "{report}");
}

#[test]
fn a_version_that_the_store_does_not_allow_is_refused_with_what_to_do() {
    if !has_programs(Kind::Nginx) {
        return;
    }
    let _fleet = one_fleet();
    let temp = tempfile::tempdir().unwrap();
    let (current, next) = (program(), program().with_env("TEST_NEXT_SCHEMA", "1"));
    let options = FleetOptions { shutdown_delay: Duration::ZERO, ..FleetOptions::SHORT };
    let mut fleet = Fleet::start(&current, temp.path(), options, ReuseGrace::Enabled).unwrap();
    let version = "SELECT max(version) FROM refinery_schema_history";
    let before: u32 = fleet.sql(version).parse().unwrap();

    fleet.stop(0).unwrap();
    fleet.restart(0, &next).unwrap();
    assert_eq!(fleet.sql(version), (before + 1).to_string(), "this binary is the next version");
    assert_eq!(fleet.sql("SELECT count(*) FROM nicknames"), "0", "it has the table");
    // As long as older programs may use the store, one starts.
    fleet.stop(1).unwrap();
    fleet.restart(1, &current).unwrap();

    fleet.sql(&format!("UPDATE schema_compatibility SET min_reader = {}", before + 1));
    fleet.stop(1).unwrap();
    let refused = fleet.refused_restart(1, &current).unwrap();
    let needs = format!("needs a program of version {} or newer", before + 1);
    assert!(is_single_error_message(&refused) && refused.contains(&needs), "{refused}");
    assert!(refused.contains("hint: run the newer version, or restore a backup"), "{refused}");
    fleet.restart(1, &next).unwrap();
}

#[test]
fn only_requests_in_progress_at_a_killed_node_fail_and_nothing_acknowledged_is_lost() {
    if !has_programs(Kind::Nginx) {
        return;
    }
    let _fleet = one_fleet();
    let temp = tempfile::tempdir().unwrap();

    let report = killed_node::run(&program(), temp.path(), killed_node::Size::SHORT, 1, &|| {}).unwrap();

    println!("{report}");
    assert!(report.is_met(), "{report}");
}
