//! What forward authentication costs: requests through each proxy to a bare application, with a Counterfoil that it asks first
//! and without.
//!
//! The proxy, Counterfoil and the application share one core, the client has the other. So a ratio is one of the work of all
//! three together, as on one small machine.

pub(crate) mod options;
mod report;
mod site;

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use anyhow::{Result, ensure};
use counterfoil_load::machine::affinity;
use counterfoil_test_support::ProxyKind;

use crate::server_process::ServerProcess;
use options::Options;
use report::{Measured, Rate, Round};
use site::{Credential, Site};

/// Runs the measurements, and prints the report. A proxy that fails does not stop those of the others.
pub(crate) fn run(options: &Options) -> Result<()> {
    affinity::pin_to(affinity::CLIENT_CORE)?;
    let application = ServerProcess::start(&[])?;
    let (mut measured, mut failed) = (Vec::new(), Vec::new());
    for kind in ProxyKind::ALL {
        if !options.only.is_empty() && !options.only.contains(&kind) {
            continue;
        }
        let Some(program) = kind.program(options.packaged.as_deref()) else {
            ensure!(!options.only.contains(&kind), "{} is not installed", kind.name());
            eprintln!("{}: not installed", kind.name());
            continue;
        };
        match measure(kind, &program, application.address, options) {
            Ok(rows) => measured.extend(rows),
            Err(error) => {
                eprintln!("{}: {error:#}", kind.name());
                failed.push(kind.name());
            }
        }
    }
    report::print(options, &measured)?;
    ensure!(failed.is_empty(), "could not be measured: {}", failed.join(", "));
    Ok(())
}

/// Measures one proxy. The two that are compared follow each other directly, and take turns in being the first.
fn measure(
    kind: ProxyKind,
    program: &Path,
    application: SocketAddr,
    options: &Options,
) -> Result<Vec<Measured>> {
    eprintln!("{}: starting with {} sessions and tokens", kind.name(), options.credentials);
    let mut site = Site::start(kind, program, application, options.credentials)?;
    let limit = Duration::from_secs_f64(options.seconds);
    let mut rows = Credential::ALL.map(|credential| Measured { proxy: kind, credential, rounds: Vec::new() });
    for number in 1..=options.iterations {
        eprintln!("{}: iteration {number} of {}", kind.name(), options.iterations);
        site.warm_up()?;
        for row in &mut rows {
            let mut measure = |is_guarded| {
                let result = site.measure(row.credential, is_guarded, limit)?;
                anyhow::Ok(Rate::of(&result))
            };
            row.rounds.push(if number.is_multiple_of(2) {
                let guarded = measure(true)?;
                Round { guarded, open: measure(false)? }
            } else {
                let open = measure(false)?;
                Round { guarded: measure(true)?, open }
            });
        }
    }
    Ok(rows.into())
}
