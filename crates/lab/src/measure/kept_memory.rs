//! `kept.memory`: bytes in the memory of the server program for each login.

use std::thread;
use std::time::Duration;

use counterfoil_load::client::closed_loop::{CONNECTIONS, send_requests};
use counterfoil_load::client::exchange::send_once;
use counterfoil_load::client::requests::{RequestCycle, get, post};
use counterfoil_load::machine::memory::resident_bytes;
use counterfoil_load::rig::server::{PASSWORD, USERNAME};
use counterfoil_load::statistics::interval::Interval;

use crate::error::LabError;
use crate::measure::run_context::RunContext;
use crate::report::cell::Cell;
use crate::report::model::{Better, Figure, Unit};
use crate::rig::credentials::log_in;
use crate::rig::mode::{Login, Mode};
use crate::rig::program::ServerProgram;

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

/// The same, and nothing is cached that was verified.
const WITHOUT_CACHES: [(&str, &str); 8] = [
    SETTINGS[0],
    SETTINGS[1],
    SETTINGS[2],
    SETTINGS[3],
    SETTINGS[4],
    SETTINGS[5],
    ("COUNTERFOIL_SESSION_CACHE_SIZE", "0"),
    ("COUNTERFOIL_TOKEN_CACHE_SIZE", "0"),
];

/// Compares the memory of a process that caches N logins with that of one that caches none.
pub(crate) fn measure(context: &RunContext<'_>) -> Result<Option<Figure>, LabError> {
    let plan = context.plan;
    let Some(program) = &plan.program else { return Ok(None) };
    let note = format!(
        "bytes in the memory of the server of a login that is in use: the resident set of a process that has checked {} logins, \
         less that of one that has done the same and caches none of them",
        plan.kept_in_memory,
    );
    let mut growths = [const { Vec::new() }; 3];
    for _ in 0..plan.memory_processes.max(1) {
        // They mostly wait.
        let measured = thread::scope(|scope| {
            let start = |mode| scope.spawn(move || growth(context, program, mode));
            Mode::ALL
                .map(start)
                .map(|thread| thread.join().unwrap_or(Err(LabError::timeout("the memory of a server"))))
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

/// The bytes that the caches of a process need, for each login whose credential is in use. Both processes answer the same requests and
/// read the same pages of the store; one of them caches nothing that it has verified.
fn growth(context: &RunContext<'_>, program: &std::path::Path, mode: Mode) -> Result<f64, LabError> {
    let (dir, count) = (context.directory()?, context.plan.kept_in_memory);
    let server = ServerProgram::new(program, &dir.path().join("data"))?.with(&SETTINGS);
    let (process, _) = server.start()?;
    let body = format!(r#"{{"username":"{USERNAME}","password":"{PASSWORD}"}}"#);
    let registered = send_once(server.address, &post(server.address, "/v1/register", "accept: */*", &body));
    registered.map_err(LabError::io("register a user"))?.expect(201, "POST /v1/register")?;
    let logins = log_in(server.address, mode, count, &context.steps("logins in memory"))?;
    drop(process);
    let request =
        |login: &Login| get(server.address, "/v1/me", &format!("authorization: Bearer {}", login.token));
    let requests: Vec<_> = logins.iter().map(request).collect();
    let with_caches = resident(&server, &requests)?;
    let without = resident(&server.with(&WITHOUT_CACHES), &requests)?;
    Ok((with_caches as f64 - without as f64) / count as f64)
}

/// The resident set of a new process after these requests.
fn resident(server: &ServerProgram, requests: &[Vec<u8>]) -> Result<u64, LabError> {
    let (process, _) = server.start()?;
    let mut each = RequestCycle::endless(requests.to_vec());
    each.set_limit(requests.len());
    send_requests(server.address, CONNECTIONS, Duration::MAX, &mut each)?;
    thread::sleep(IDLE);
    Ok(resident_bytes(process.id())?)
}
