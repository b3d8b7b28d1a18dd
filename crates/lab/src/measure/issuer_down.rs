//! `logout.keys_only`, `logout.cut` and `down.issuer`: services that hear nothing of a logout, because they do not ask or
//! because the issuer cannot be reached.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use counterfoil_jose::base64url;
use counterfoil_load::LoadError;
use counterfoil_load::client::exchange::send_once;
use counterfoil_load::rig::follower::{Follower, Revocations};
use counterfoil_load::rig::server::{Hashing, MeasuredServer, PROTECTED};
use counterfoil_load::statistics::interval::Interval;

use crate::error::LabError;
use crate::measure::run_context::{RunContext, TOKEN_MODES};
use crate::report::cell::Cell;
use crate::report::model::{Better, Column, Figure, Source, Unit};
use crate::rig::credentials::log_in_once;
use crate::rig::mode::{Login, Mode};

/// How long a service may accept credentials after it was cut off.
const TIMEOUT: Duration = Duration::from_secs(60);

/// How often a service that is cut off is asked.
const INTERVAL: Duration = Duration::from_millis(5);

/// For how much longer than its expiry a verifier accepts a token, because clocks differ: the default.
const LEEWAY_SECONDS: u64 = 60;

/// Starts services, stops their issuer, and looks how long they accept credentials.
pub(crate) fn measure(context: &RunContext<'_>) -> Result<Vec<Figure>, LabError> {
    let dir = context.directory()?;
    let server = context.server(&dir, Hashing::Cheap)?;
    let key = || Revocations::Feed(server.verifier_key.clone());
    let followers: Vec<Follower> = (0..context.plan.repetitions.max(1))
        .map(|_| Follower::start(server.address, key()))
        .collect::<Result<_, _>>()?;
    let keys_only = Follower::start(server.address, Revocations::KeysOnly)?;
    let logins: Vec<Login> =
        Mode::ALL.into_iter().map(|mode| log_in_once(server.address, mode)).collect::<Result<_, _>>()?;
    let unheard = measure_keys_only(context, &server, &keys_only)?;
    for service in followers.iter().chain([&keys_only]) {
        for login in logins.iter().filter(|login| login.mode != Mode::Session) {
            expect(status(service.address, login)?, 200)?;
        }
    }
    let issuer = server.address;
    server.stop()?;
    let cut_at = Instant::now();
    let at_once = statuses(issuer, followers[0].address, &logins);
    let delays = until_unavailable(&followers, &logins[1], cut_at)?;
    let after_lease = statuses(issuer, followers[0].address, &logins);
    let by_keys = statuses(issuer, keys_only.address, &logins);
    let interval = Interval::by_bootstrap(&delays, context.plan.resamples, context.plan.seed);
    let note = "a service that follows the feed is cut off from the issuer: until it refuses every credential with 503. Its \
                lease is 3 s, which is a setting";
    let mut cut = Figure::new("logout.cut", Unit::S, Better::Lower, note);
    for mode in TOKEN_MODES {
        cut = cut.with(mode.column(), interval.as_ref().map(Cell::interval).unwrap_or_default());
    }
    let down = |id: &str, note: &str, values: BTreeMap<Column, Cell>| Figure {
        values,
        ..Figure::new(id, Unit::Status, Better::None, note)
    };
    Ok(vec![
        unheard,
        cut,
        down(
            "down.issuer",
            "the issuer is stopped: what a service that follows its feed answers at once",
            at_once,
        ),
        down("down.issuer.after_lease", "what the same service answers after its lease", after_lease),
        down("down.issuer.keys_only", "what a service with the public keys only answers", by_keys),
    ])
}

/// A service with the public keys only hears of no logout: it accepts a token until it expires.
fn measure_keys_only(
    context: &RunContext<'_>,
    server: &MeasuredServer,
    service: &Follower,
) -> Result<Figure, LabError> {
    let count = context.plan.repetitions.max(1);
    let (mut accepted, mut figure) = (0, Figure::new("logout.keys_only", Unit::S, Better::Lower, ""));
    for mode in TOKEN_MODES {
        let mut lifetime = 0;
        for _ in 0..count {
            let login = log_in_once(server.address, mode)?;
            lifetime = lifetime_of(&login.token);
            let logout = send_once(server.address, &login.logout_request(server.address));
            logout.map_err(LabError::io("log out"))?.expect(204, "POST /v1/logout")?;
            accepted += usize::from(status(service.address, &login)? == 200);
        }
        figure = figure.with(mode.column(), Cell::number((lifetime + LEEWAY_SECONDS) as f64));
    }
    figure.note = format!(
        "a service with the public keys only: a token that was just issued is good until it expires, and {LEEWAY_SECONDS} s \
         longer because clocks differ. It accepted {accepted} of {} tokens after their logout",
        2 * count
    );
    Ok(figure.how(Source::Derived))
}

/// The seconds from `iat` to `exp` of a token that the lab's own server has issued.
fn lifetime_of(token: &str) -> u64 {
    let payload = token.split('.').nth(1).and_then(|payload| base64url::decode(payload).ok());
    let claims: serde_json::Value =
        payload.and_then(|payload| serde_json::from_slice(&payload).ok()).unwrap_or_default();
    let time = |claim: &str| claims[claim].as_u64().unwrap_or_default();
    time("exp").saturating_sub(time("iat"))
}

/// The status of each credential: of the session at the issuer, of tokens at the service.
fn statuses(issuer: SocketAddr, service: SocketAddr, logins: &[Login]) -> BTreeMap<Column, Cell> {
    let of = |login: &Login| {
        let address = if login.mode == Mode::Session { issuer } else { service };
        let status = status(address, login).map(|status| Cell::count(usize::from(status)));
        (login.mode.column(), status.unwrap_or_else(|_| Cell::text("no answer")))
    };
    logins.iter().map(of).collect()
}

/// The seconds until each service answers 503.
fn until_unavailable(followers: &[Follower], login: &Login, cut_at: Instant) -> Result<Vec<f64>, LabError> {
    let mut delays = vec![None; followers.len()];
    while cut_at.elapsed() < TIMEOUT {
        for (delay, follower) in delays.iter_mut().zip(followers) {
            if delay.is_none() && status(follower.address, login)? == 503 {
                *delay = Some(cut_at.elapsed().as_secs_f64());
            }
        }
        if let Some(delays) = delays.iter().copied().collect::<Option<Vec<f64>>>() {
            return Ok(delays);
        }
        thread::sleep(INTERVAL);
    }
    Err(LabError::timeout("the end of a lease"))
}

fn status(address: SocketAddr, login: &Login) -> Result<u16, LabError> {
    let response = send_once(address, &login.get(address, PROTECTED));
    Ok(response.map_err(LabError::io("check a credential"))?.status)
}

fn expect(status: u16, expected: u16) -> Result<(), LabError> {
    let request = "GET of a service".to_owned();
    match status == expected {
        true => Ok(()),
        false => Err(LoadError::UnexpectedResponse { request, status, body: String::new() }.into()),
    }
}
