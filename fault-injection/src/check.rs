//! Checks a server against a model: sends every credential and password, and reports each violation.

use std::io;
use std::net::SocketAddr;

use anyhow::{Context as _, Result};
use serde_json::json;

use crate::history::IssuedCredentials;
use crate::http::{Connection, Request, Response};
use crate::model::{ExpectedAccount, ExpectedSession, Model, SessionState};
use crate::rng::Rng;

/// Whether the server has a refresh grace period, during which a used refresh token may be retried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReuseGrace {
    /// For ten seconds, and for some seconds after a start.
    Enabled,
    /// Not at all: a refresh whose response is lost ends the session.
    Disabled,
}

impl ReuseGrace {
    /// The value of the setting `refresh.reuse_grace`, in seconds.
    pub fn setting(self) -> &'static str {
        match self {
            Self::Enabled => "10",
            Self::Disabled => "0",
        }
    }
}

/// What was checked, and the violations found.
#[derive(Debug, Default)]
pub struct CheckResult {
    /// The number of sessions that must be active.
    pub active: usize,
    /// The number of sessions that must have ended.
    pub ended: usize,
    /// The number of sessions in an unknown state.
    pub unknown: usize,
    /// The number of used refresh tokens that were sent again.
    pub reused_tokens: usize,
    /// The number of accounts whose passwords were tried.
    pub accounts: usize,
    /// A description of each violation.
    pub violations: Vec<String>,
}

impl CheckResult {
    /// Adds the result of another check.
    pub fn add(&mut self, other: Self) {
        self.active += other.active;
        self.ended += other.ended;
        self.unknown += other.unknown;
        self.reused_tokens += other.reused_tokens;
        self.accounts += other.accounts;
        self.violations.extend(other.violations);
    }

    /// The number of sessions that were checked.
    pub fn sessions(&self) -> usize {
        self.active + self.ended + self.unknown
    }
}

/// Checks the server at `address` against the model. Refreshes add their new tokens to the model.
///
/// With a grace period the check must start soon after the server: only then do sessions whose refresh has an
/// unknown outcome keep working.
///
/// # Errors
///
/// If the server does not respond.
pub fn check(model: &mut Model, address: SocketAddr, grace: ReuseGrace, seed: u64) -> Result<CheckResult> {
    let mut checker = Checker {
        connection: Connection::new(address),
        grace,
        rng: Rng::from_seed(seed),
        result: CheckResult::default(),
    };
    // Sessions that depend on the grace period are checked first, before it ends.
    for needs_grace in [true, false] {
        for session in
            model.sessions.values_mut().filter(|session| session.has_unknown_refresh == needs_grace)
        {
            checker.check_session(session)?;
        }
    }
    for (name, account) in &model.accounts {
        checker.check_account(name, account)?;
    }
    Ok(checker.result)
}

struct Checker {
    connection: Connection,
    grace: ReuseGrace,
    rng: Rng,
    result: CheckResult,
}

impl Checker {
    fn check_session(&mut self, session: &mut ExpectedSession) -> Result<()> {
        match session.state {
            SessionState::Active => {
                self.result.active += 1;
                self.check_access(session, &[200])?;
                self.check_refresh(session)
            }
            SessionState::Ended => {
                self.result.ended += 1;
                self.check_access(session, &[401])?;
                self.check_refresh_rejected(session)
            }
            SessionState::Unknown => {
                self.result.unknown += 1;
                self.check_access(session, &[200, 401])
            }
        }
    }

    /// Sends the session token and the access tokens: each response has an expected status and names the
    /// right user.
    fn check_access(&mut self, session: &ExpectedSession, expected: &[u16]) -> Result<()> {
        let user = &session.user;
        for token in session.session_token.iter().chain(&session.access_tokens) {
            let response = self.send(&Request::get("/v1/me").bearer(token))?;
            let body = response.json();
            let name = body["user"]["username"].as_str();
            if !expected.contains(&response.status) {
                let (state, kind, status) = (session.state, token_kind(token), response.status);
                self.report(format!("{kind} of {user} gets {status}, but its session is {state:?}"));
            } else if response.is_success() && name != Some(user.as_str()) {
                self.report(format!("a token of {user} is accepted as the user {name:?}"));
            }
        }
        Ok(())
    }

    /// Sends the newest refresh token: it has exactly one successor, however often it is sent.
    fn check_refresh(&mut self, session: &mut ExpectedSession) -> Result<()> {
        let Some(newest) = session.refresh_tokens.last().cloned() else { return Ok(()) };
        let Some(next) = self.refresh(&newest)? else {
            // Without a grace period the lost response may have held the successor; then this is a reuse.
            if !(session.has_unknown_refresh && self.grace == ReuseGrace::Disabled) {
                self.report(format!("the newest refresh token of {} is rejected", session.user));
            }
            session.state = SessionState::Ended;
            return Ok(());
        };
        let successor = next.refresh_token.clone().unwrap_or_default();
        match self.grace {
            ReuseGrace::Enabled => {
                for token in [&newest, &successor] {
                    let repeated = self.refresh(token)?.and_then(|credentials| credentials.refresh_token);
                    if repeated.as_ref() != Some(&successor) {
                        self.report(format!("a refresh token of {} has a second successor", session.user));
                    }
                }
            }
            ReuseGrace::Disabled if successor == newest => {
                self.report(format!("a refresh token of {} is not rotated", session.user));
            }
            ReuseGrace::Disabled => {}
        }
        session.apply_refresh(&next);
        if self.rng.chance(25) { self.check_reuse_detection(session) } else { Ok(()) }
    }

    /// Sends a used refresh token outside the grace period: it is rejected, and the session ends (RFC 9700,
    /// section 4.14.2).
    fn check_reuse_detection(&mut self, session: &mut ExpectedSession) -> Result<()> {
        let distance = match self.grace {
            ReuseGrace::Enabled => 3,
            ReuseGrace::Disabled => 2,
        };
        let tokens = &session.refresh_tokens;
        let Some(used) = tokens.len().checked_sub(distance).map(|index| tokens[index].clone()) else {
            return Ok(());
        };
        self.result.reused_tokens += 1;
        if self.refresh(&used)?.is_some() {
            self.report(format!("a used refresh token of {} is accepted again", session.user));
        }
        session.state = SessionState::Ended;
        self.check_refresh_rejected(session)?;
        self.check_access(session, &[401])
    }

    /// Sends the newest refresh token of an ended session: it is rejected.
    fn check_refresh_rejected(&mut self, session: &ExpectedSession) -> Result<()> {
        if let Some(newest) = session.refresh_tokens.last()
            && self.refresh(newest)?.is_some()
        {
            self.report(format!("an ended session of {} is refreshed", session.user));
        }
        Ok(())
    }

    /// Sends a refresh token; `None` if it is rejected.
    fn refresh(&mut self, token: &str) -> Result<Option<IssuedCredentials>> {
        let response = self.send(&Request::post("/v1/refresh").json(&json!({ "refresh_token": token })))?;
        if !matches!(response.status, 200 | 401) {
            self.report(format!("a refresh gets {} {}", response.status, response.json()));
        }
        Ok(response.is_success().then(|| IssuedCredentials::from_json(&response.json())))
    }

    /// Logs in: exactly one of the possible passwords is accepted, and the last former password is rejected.
    fn check_account(&mut self, name: &str, account: &ExpectedAccount) -> Result<()> {
        self.result.accounts += 1;
        let mut accepted = 0;
        for password in &account.possible_passwords {
            accepted += usize::from(self.log_in(name, password)? == 200);
        }
        if accepted != 1 {
            let count = account.possible_passwords.len();
            self.report(format!("{accepted} of {count} possible passwords of {name} are accepted"));
        }
        if let Some(former) = account.former_passwords.last()
            && self.log_in(name, former)? != 401
        {
            self.report(format!("a former password of {name} is accepted"));
        }
        Ok(())
    }

    fn log_in(&mut self, name: &str, password: &str) -> Result<u16> {
        let body = json!({ "username": name, "password": password });
        let status = self.send(&Request::post("/v1/login").json(&body))?.status;
        if !matches!(status, 200 | 401) {
            self.report(format!("a login of {name} gets {status}"));
        }
        Ok(status)
    }

    fn send(&mut self, request: &Request) -> Result<Response> {
        self.connection.send(request).map_err(io::Error::from).context("the server does not respond")
    }

    fn report(&mut self, violation: String) {
        self.result.violations.push(violation);
    }
}

/// The kind of a token, for messages that must not show the token itself.
fn token_kind(token: &str) -> &'static str {
    if token.starts_with("cfs_") { "a session token" } else { "an access token" }
}
