//! The run: seed, warm up, then round after round of every row.

use std::time::Duration;

use anyhow::Result;

use crate::load::{CONNECTIONS, drive};
use crate::options::{Options, Part};
use crate::process::{Server, raw};
use crate::report::{Round, Sample};
use crate::requests::{Refreshes, Requests, Rotation, get};
use crate::seed::{access_tokens, login, logins};
use crate::{binary, many, pin, report};

/// Connections for logins: enough that the hash pool never waits for one.
const LOGINS: usize = 4;

/// Sessions whose refresh tokens wait for their turn; far more than connections, so that a token is never
/// shown within the millisecond in which it was made.
const FAMILIES: usize = 4_000;

/// Tokens that are shown once, in each round.
const COLD: usize = 20_000;

/// Measures, and prints the report.
pub(crate) fn run(options: &Options) -> Result<()> {
    pin::to(pin::CLIENT)?;
    report::conditions(options.seconds, options.rounds, options.credentials)?;
    let measures = |part| options.what.is_empty() || options.what.contains(&part);
    if measures(Part::Requests) {
        requests(options)?;
    }
    let mut others = Vec::new();
    if measures(Part::Sessions1m) {
        others.push(("a session in a cookie, of 1,000,000", many::run(options)?));
    }
    if measures(Part::Process) {
        others.extend(binary::run(&options.binary)?);
    }
    report::show_others(others);
    Ok(())
}

fn requests(options: &Options) -> Result<()> {
    let mut bench = Bench::seeded(options)?;
    let mut rounds = Vec::with_capacity(options.rounds);
    for number in 1..=options.rounds {
        eprintln!("round {number} of {}", options.rounds);
        rounds.push(bench.round()?);
    }
    report::show(&rounds);
    Ok(())
}

/// Everything that a round needs.
struct Bench {
    limit: Duration,
    /// Hashes passwords for next to nothing.
    server: Server,
    /// Hashes them as one should.
    careful: Server,
    bare: Rotation,
    bare_with_token: Rotation,
    sessions: Rotation,
    warm: Rotation,
    cold: Rotation,
    refreshes: Refreshes,
    logins: Rotation,
}

impl Bench {
    fn seeded(options: &Options) -> Result<Self> {
        let (server, careful) = (Server::start(&["--cheap".as_ref()])?, Server::start(&[])?);
        let address = server.address;
        eprintln!("seeding {} sessions and tokens", options.credentials);
        let sessions = logins(address, "session", "session_token", options.credentials)?;
        let warm = access_tokens(address, &sessions, options.credentials)?;
        let cold = access_tokens(address, &sessions, COLD * options.rounds)?;
        let families = logins(address, "hybrid", "refresh_token", FAMILIES)?;

        let by_cookie =
            |token: &String| get(address, "/ours", &format!("cookie: counterfoil-session={token}"));
        let by_bearer = |token: &String| get(address, "/ours", &format!("authorization: Bearer {token}"));
        // The bare route is sent the same, so that reading the request costs the same.
        let to_bare = |token: &String| get(address, "/bare", &format!("cookie: counterfoil-session={token}"));
        let token_to_bare = |token: &String| get(address, "/bare", &format!("authorization: Bearer {token}"));
        Ok(Self {
            limit: Duration::from_secs_f64(options.seconds),
            bare: Rotation::endless(sessions.iter().map(to_bare).collect()),
            bare_with_token: Rotation::endless(warm.iter().map(token_to_bare).collect()),
            sessions: Rotation::endless(sessions.iter().map(by_cookie).collect()),
            warm: Rotation::endless(warm.iter().map(by_bearer).collect()),
            cold: Rotation::endless(cold.iter().map(by_bearer).collect()),
            refreshes: Refreshes::of(address, families),
            logins: Rotation::endless(vec![login(careful.address, "session")]),
            server,
            careful,
        })
    }

    /// Every row once.
    fn round(&mut self) -> Result<Round> {
        let (server, limit) = (&self.server, self.limit);
        self.cold.allow(COLD);
        server.lap(&mut self.sessions)?;
        server.lap(&mut self.warm)?;
        Ok(Round {
            bare: measure(server, CONNECTIONS, limit, &mut self.bare)?,
            bare_with_token: measure(server, CONNECTIONS, limit, &mut self.bare_with_token)?,
            session: measure(server, CONNECTIONS, limit, &mut self.sessions)?,
            warm: measure(server, CONNECTIONS, limit, &mut self.warm)?,
            cold: measure(server, CONNECTIONS, Duration::MAX, &mut self.cold)?,
            verification: raw("es256", limit.as_secs_f64() / 2.0)?,
            refresh: measure(server, CONNECTIONS, limit, &mut self.refreshes)?,
            one_refresh: measure(server, 1, limit, &mut self.refreshes)?,
            login: measure(&self.careful, LOGINS, limit, &mut self.logins)?,
            hash: raw("hash", limit.as_secs_f64())?,
        })
    }
}

fn measure(
    server: &Server,
    connections: usize,
    limit: Duration,
    requests: &mut impl Requests,
) -> Result<Sample> {
    let before = server.cpu()?;
    let driven = drive(server.address, connections, limit, requests)?;
    let cpu = server.cpu()?.saturating_sub(before);
    Ok(Sample::of(&driven, cpu))
}
