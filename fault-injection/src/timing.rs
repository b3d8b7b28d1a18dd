//! Scenario `timing`: failed logins take the same time for known, disabled and unknown users.
//!
//! Otherwise an attacker could find out which usernames exist.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::json;

use crate::http::{Connection, Request, send};
use crate::program::{LaunchConfig, Program};
use crate::report::{Progress, Report, format_millis, median};

const PASSWORD: &str = "correct horse battery staple";

/// Failed logins: the kind of user, the username and the password.
const FAILED_LOGINS: [(&str, &str, &str); 3] = [
    ("known user, wrong password", "ada", "wrong horse battery staple"),
    ("disabled user, right password", "bob", PASSWORD),
    ("unknown user", "eve", PASSWORD),
];

/// Measures `samples` failed logins of each kind in turn, with the hashing parameters of production, and
/// compares the medians. Works in `dir`.
///
/// # Errors
///
/// If the scenario cannot be carried out. A difference is part of the report.
pub fn run(program: &Program, dir: &Path, samples: usize, progress: Progress<'_>) -> Result<Report> {
    let config = LaunchConfig::new(dir.join("data")).with_production_hashing();
    let server = program.start(&config)?;
    for name in ["ada", "bob"] {
        let body = json!({ "username": name, "password": PASSWORD });
        let status = send(server.address, &Request::post("/v1/register").json(&body))?.status;
        ensure!(status == 201, "the registration of {name} gets {status}");
    }
    let disabled = program.run(&config, &["user", "disable", "bob"])?;
    ensure!(disabled.status.success(), "`user disable bob` failed");

    let mut connection = Connection::new(server.address);
    let mut latencies: [Vec<Duration>; 3] = Default::default();
    for sample in 0..samples {
        for offset in 0..FAILED_LOGINS.len() {
            // The order rotates, so that no kind always follows the same other kind.
            let kind = (sample + offset) % FAILED_LOGINS.len();
            let (_, name, password) = FAILED_LOGINS[kind];
            let request = Request::post("/v1/login").json(&json!({ "username": name, "password": password }));
            let started_at = Instant::now();
            let response = connection.send(&request).map_err(std::io::Error::from);
            let response = response.context("the server does not respond")?;
            latencies[kind].push(started_at.elapsed());
            ensure!(response.status == 401, "the login of {name} gets {}", response.status);
        }
        progress();
    }
    Ok(report(samples, latencies))
}

fn report(samples: usize, latencies: [Vec<Duration>; 3]) -> Report {
    let medians = latencies.map(|mut latencies| median(&mut latencies));
    let min = medians.iter().min().copied().unwrap_or_default();
    let max = medians.iter().max().copied().unwrap_or_default();
    let difference = (max - min).as_secs_f64() / min.as_secs_f64() * 100.0;
    let mut report = Report::new("timing");
    report.add_measurement("samples of each kind", samples);
    for ((kind, ..), median) in FAILED_LOGINS.iter().zip(medians) {
        report.add_measurement(&format!("median: {kind}"), format_millis(median));
    }
    let is_small = difference < 5.0;
    report.add_criterion("difference of the medians", "< 5 %", format!("{difference:.2} %"), is_small);
    report
}
