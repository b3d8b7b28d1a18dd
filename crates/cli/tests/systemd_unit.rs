//! The systemd unit that is shipped: systemd accepts it, and rates its exposure as low.

use std::fs;
use std::process::{Command, Output};

use counterfoil_test_support::skip;

const UNIT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../dist/counterfoil.service");

/// Runs `systemd-analyze`. `None` if it is not installed: the test is skipped.
fn systemd_analyze(arguments: &[&str]) -> Option<Output> {
    let output = Command::new("systemd-analyze").args(arguments).output();
    if output.is_err() {
        skip("systemd-analyze is not installed");
    }
    output.ok()
}

#[test]
fn systemd_accepts_the_unit() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("counterfoil.service");
    let ours = concat!(env!("CARGO_BIN_EXE_counterfoil"), " serve");
    let unit = fs::read_to_string(UNIT).unwrap().replace("/usr/local/bin/counterfoil serve", ours);
    fs::write(&file, unit).unwrap();

    let Some(verified) = systemd_analyze(&["verify", file.to_str().unwrap()]) else { return };

    assert!(verified.status.success() && verified.stderr.is_empty(), "{verified:?}");
}

/// The scale of systemd is from 0 to 10; a unit without any protection has 9.6. The threshold is ten times that.
#[test]
fn systemd_rates_the_exposure_of_the_unit_as_low() {
    let arguments = ["security", "--offline=yes", "--threshold=15", "--no-pager", UNIT];

    let Some(rated) = systemd_analyze(&arguments) else { return };

    assert!(rated.status.success(), "{}", String::from_utf8_lossy(&rated.stdout));
    let weaker = fs::read_to_string(UNIT).unwrap().replace("RestrictNamespaces=yes\n", "");
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("counterfoil.service");
    fs::write(&file, weaker).unwrap();
    let rated = systemd_analyze(&[&arguments[..4], &[file.to_str().unwrap()]].concat()).unwrap();
    assert!(!rated.status.success(), "the threshold leaves no room");
}
