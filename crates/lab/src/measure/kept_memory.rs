//! `kept.memory`: bytes in the memory of the server program for each login.

use std::thread;
use std::time::Duration;

use crate::error::LabError;
use crate::load::exchange::send_once;
use crate::load::requests::post;
use crate::machine::memory::resident_bytes;
use crate::measure::run_context::RunContext;
use crate::report::cell::Cell;
use crate::report::model::{Better, Figure, Unit};
use crate::rig::credentials::log_in;
use crate::rig::mode::Mode;
use crate::rig::program::ServerProgram;
use crate::rig::server::{PASSWORD, USERNAME};
use crate::statistics::interval::Interval;

/// How long a server is idle before its memory is read.
const IDLE: Duration = Duration::from_secs(1);

/// Many logins of one user from one address, with password hashes that cost little.
const SETTINGS: [(&str, &str); 6] = [
    ("COUNTERFOIL_ARGON2_MEMORY_KIB", "128"),
    ("COUNTERFOIL_ARGON2_ITERATIONS", "1"),
    ("COUNTERFOIL_PASSWORD_HASHING_MAX_SHARE", "100"),
    ("COUNTERFOIL_LOGIN_RATE_LIMIT_SUCCESSFUL_PER_ACCOUNT", "off"),
    ("COUNTERFOIL_LOGIN_RATE_LIMIT_SUCCESSFUL_PER_IP", "off"),
    ("COUNTERFOIL_MAX_SESSIONS", "0"),
];

/// Compares the memory of a process that starts with N logins in its store with that of one that starts with none.
pub(crate) fn measure(context: &RunContext<'_>) -> Result<Option<Figure>, LabError> {
    let plan = context.plan;
    let Some(program) = &plan.program else { return Ok(None) };
    let note = format!(
        "bytes in the memory of the server of a login: the resident set of a process that has started with {} logins in its \
         store, less that of one that has started with none; the caches of the store are in it",
        plan.kept_in_memory,
    );
    let mut growths = [const { Vec::new() }; 3];
    for _ in 0..plan.memory_processes.max(1) {
        // They mostly wait.
        let measured = thread::scope(|scope| {
            let start = |mode| scope.spawn(move || growth(context, program, mode));
            Mode::ALL
                .map(start)
                .map(|thread| thread.join().unwrap_or(Err(LabError::Timeout("the memory of a server"))))
        });
        for (growths, growth) in growths.iter_mut().zip(measured) {
            growths.push(growth?);
        }
    }
    let mut figure = Figure::new("kept.memory", Unit::Bytes, Better::Lower, &note);
    for (mode, growths) in Mode::ALL.into_iter().zip(growths) {
        let cell = match growths[..] {
            [growth] => Cell::number(growth),
            _ => {
                let interval = Interval::by_bootstrap(&growths, plan.resamples, plan.seed);
                interval.as_ref().map(Cell::interval).unwrap_or_default()
            }
        };
        figure = figure.with(mode.column(), cell);
    }
    Ok(Some(figure))
}

/// The bytes that a process needs more, for each login. It is started again, because a process that has answered the logins keeps
/// memory of their requests.
fn growth(context: &RunContext<'_>, program: &std::path::Path, mode: Mode) -> Result<f64, LabError> {
    let (dir, count) = (context.directory()?, context.plan.kept_in_memory);
    let server = ServerProgram::new(program, &dir.path().join("data"))?.with(&SETTINGS);
    let (process, _) = server.start()?;
    let body = format!(r#"{{"username":"{USERNAME}","password":"{PASSWORD}"}}"#);
    let registered = send_once(server.address, &post(server.address, "/v1/register", "accept: */*", &body));
    registered.map_err(LabError::io("register a user"))?.expect(201, "POST /v1/register")?;
    drop(process);
    let resident_of_new = || {
        let (process, _) = server.start()?;
        thread::sleep(IDLE);
        Ok::<_, LabError>((resident_bytes(process.id())?, process))
    };
    let (before, process) = resident_of_new()?;
    log_in(server.address, mode, count, &context.steps("logins in memory"))?;
    drop(process);
    let (after, _process) = resident_of_new()?;
    Ok((after as f64 - before as f64) / count as f64)
}
