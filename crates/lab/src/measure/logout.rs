//! `logout.issuer` and `logout.follower`: from the answer to a logout to the first refusal, and how many requests were
//! accepted meanwhile.

use std::net::SocketAddr;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use counterfoil_load::client::exchange::{BlockingConnection, send_once};
use counterfoil_load::rig::follower::{Follower, Revocations};
use counterfoil_load::rig::server::{MeasuredServer, PROTECTED};
use counterfoil_load::statistics::quantiles::Quantiles;

use crate::error::LabError;
use crate::measure::figure_id::FigureId;
use crate::measure::run_context::{RunContext, TOKEN_MODES};
use crate::report::cell::Cell;
use crate::report::model::{Better, Figure, Unit};
use crate::rig::credentials::{connect, log_in_once};
use crate::rig::mode::{Login, Mode};

/// The pause between two checks: 2,000 a second, less the time of a check. It limits the resolution.
const PAUSE: Duration = Duration::from_micros(500);

/// How long a logout may have no effect.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Logs out again and again, at the issuer and at a service that follows its feed.
pub(crate) fn measure(context: &RunContext<'_>, server: &MeasuredServer) -> Result<Vec<Figure>, LabError> {
    let mut figures = Vec::new();
    if context.plan.wants(FigureId::LogoutIssuer) {
        let note = "answer to a logout until the first refusal at the issuer; checked about 2,000 times a second, which limits \
                    the resolution to 0.5 ms";
        let figure = Figure::new("logout.issuer", Unit::Ms, Better::Lower, note);
        figures.push(measure_at(
            context,
            server,
            server.address,
            &Mode::ALL,
            figure,
            "logouts at the issuer",
        )?);
    }
    if context.plan.wants(FigureId::LogoutFollower) {
        let follower = Follower::start(server.address, Revocations::Feed(server.verifier_key.clone()))?;
        let note = "the same at another service that follows the feed of revocations; a session token is no credential there";
        let figure = Figure::new("logout.follower", Unit::Ms, Better::Lower, note);
        let label = "logouts at a service";
        figures.push(measure_at(context, server, follower.address, &TOKEN_MODES, figure, label)?);
    }
    Ok(figures)
}

fn measure_at(
    context: &RunContext<'_>,
    server: &MeasuredServer,
    checked_at: SocketAddr,
    modes: &[Mode],
    mut figure: Figure,
    label: &'static str,
) -> Result<Figure, LabError> {
    let steps = context.steps(label);
    for (number, mode) in modes.iter().enumerate() {
        let (mut delays, mut accepted) = (Vec::new(), 0);
        for count in 0..context.plan.logouts {
            if count % 20 == 0 {
                steps.advance(number * context.plan.logouts + count, modes.len() * context.plan.logouts)?;
            }
            let login = log_in_once(server.address, *mode)?;
            let (delay, accepted_after) = log_out(server.address, checked_at, &login)?;
            delays.push(delay);
            accepted += accepted_after;
        }
        if let Some(quantiles) = Quantiles::from_times(&mut delays) {
            let cell = Cell { accepted_after: Some(accepted), ..Cell::quantiles(&quantiles, 1e3) };
            figure = figure.with(mode.column(), cell);
        }
    }
    Ok(figure)
}

/// A check: when it was sent and answered, and whether it was accepted.
struct Check {
    sent_at: Instant,
    answered_at: Instant,
    is_accepted: bool,
}

/// Logs out while a client checks without pause. Returns the time from the answer to the first refusal, which is 0 if that
/// came before the answer, and how many checks that began after the answer were accepted.
fn log_out(issuer: SocketAddr, checked_at: SocketAddr, login: &Login) -> Result<(Duration, u64), LabError> {
    let connection = connect(checked_at)?;
    let request = login.get(checked_at, PROTECTED);
    thread::scope(|scope| {
        let (report, is_accepted) = mpsc::channel();
        let checker = scope.spawn(move || check_until_refused(connection, &request, &report));
        // Without a first acceptance, the checker has failed, and says why.
        if is_accepted.recv().is_ok() {
            let response = send_once(issuer, &login.logout_request(issuer)).map_err(LabError::io("log out"));
            response?.expect(204, "POST /v1/logout")?;
        }
        let answered_at = Instant::now();
        let checks = checker.join().unwrap_or(Err(LabError::timeout("a refusal after a logout")))?;
        let refused_at = checks.last().map_or(answered_at, |check| check.answered_at);
        let is_late = |check: &&Check| check.is_accepted && check.sent_at > answered_at;
        Ok((refused_at.saturating_duration_since(answered_at), checks.iter().filter(is_late).count() as u64))
    })
}

/// Checks until a refusal, which is the last check.
fn check_until_refused(
    mut connection: BlockingConnection,
    request: &[u8],
    accepted: &mpsc::Sender<()>,
) -> Result<Vec<Check>, LabError> {
    let (started, mut checks) = (Instant::now(), Vec::new());
    while started.elapsed() < TIMEOUT {
        let sent_at = Instant::now();
        let response = connection.send(request).map_err(LabError::io("check a credential"))?;
        let is_accepted = response.status == 200;
        checks.push(Check { sent_at, answered_at: Instant::now(), is_accepted });
        match response.status {
            200 => drop(accepted.send(())),
            401 if checks.len() > 1 => return Ok(checks),
            _ => drop(response.expect(200, "a check before the logout")?),
        }
        thread::sleep(PAUSE);
    }
    Err(LabError::timeout("a refusal after a logout"))
}
