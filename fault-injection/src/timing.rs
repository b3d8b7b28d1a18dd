//! Whether there is such a user cannot be read off a clock, from outside and with hashes in earnest.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, ensure};
use serde_json::json;

use crate::http::{Line, Request, ask};
use crate::program::{Plan, Program};
use crate::report::{Report, Tick, median, millis};
use crate::storm::careful;

const PASSWORD: &str = "correct horse battery staple";

/// Logins that are refused: with a wrong password, as a disabled user with the right one, as nobody.
const KINDS: [(&str, &str, &str); 3] = [
    ("known", "ada", "wrong horse battery staple"),
    ("disabled", "bob", PASSWORD),
    ("unknown", "eve", PASSWORD),
];

/// Takes so many samples of each kind in turn, and compares the medians.
///
/// # Errors
///
/// If something could not be tried at all.
pub fn run(program: &Program, place: &Path, samples: usize, tick: Tick<'_>) -> Result<Report> {
    let plan = careful(Plan::of(place.join("data")));
    let server = program.serve(&plan)?;
    for name in ["ada", "bob"] {
        let body = json!({ "username": name, "password": PASSWORD });
        ensure!(ask(server.at, &Request::post("/v1/register").json(&body))?.status == 201, "no {name}");
    }
    let disabled = program.run(&plan, &["user", "disable", "bob"])?;
    ensure!(disabled.status.success(), "bob is not disabled");

    let mut line = Line::to(server.at);
    let mut times: [Vec<Duration>; 3] = Default::default();
    for round in 0..samples {
        for turn in 0..KINDS.len() {
            let kind = (round + turn) % KINDS.len();
            let (_, name, password) = KINDS[kind];
            let request = Request::post("/v1/login").json(&json!({ "username": name, "password": password }));
            let asked = Instant::now();
            let answer = line.ask(&request).map_err(|broken| anyhow!("no answer: {broken:?}"))?;
            times[kind].push(asked.elapsed());
            ensure!(answer.status == 401, "{name} gets {}", answer.status);
        }
        tick();
    }
    Ok(report(samples, times))
}

fn report(samples: usize, times: [Vec<Duration>; 3]) -> Report {
    let medians = times.map(|mut times| median(&mut times));
    let least = medians.iter().min().copied().unwrap_or_default();
    let most = medians.iter().max().copied().unwrap_or_default();
    let apart = (most - least).as_secs_f64() / least.as_secs_f64() * 100.0;
    let mut report = Report::of("timing");
    report.note("samples of each kind", samples);
    for ((kind, ..), median) in KINDS.iter().zip(medians) {
        report.note(&format!("median, {kind}"), millis(median));
    }
    report.row("medians apart", "< 5 %", format!("{apart:.2} %"), apart < 5.0);
    report
}
