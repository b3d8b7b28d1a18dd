//! Runs the requests of an act against a sandbox, and records each one as frames.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use counterfoil::SessionId;
use counterfoil_load::client::exchange::{Exchange, send_once};
use counterfoil_load::client::requests::{get, post};
use counterfoil_load::rig::server::{PASSWORD, PROTECTED, USERNAME};
use counterfoil_pages::view::lab::duration_text;
use serde_json::{Value, json};

use crate::error::LabError;
use crate::rig::mode::{Login, Mode};
use crate::sandbox::Sandbox;
use crate::scenario::act::Act;
use crate::scenario::stored_session::stored_form;
use crate::scenario::trace::{Frame, FrameKind, Kept, Place, Trace, TraceMode, Verdict, Wire};

/// How long a decision is waited for.
const TIMEOUT: Duration = Duration::from_secs(30);

/// How often a service is asked while its decision is waited for.
const INTERVAL: Duration = Duration::from_millis(1);

/// How long a service may take to catch up with the issuer after the clock was moved.
const CATCH_UP_TIMEOUT: Duration = Duration::from_secs(5);

/// How often a service is asked whether it has caught up.
const CATCH_UP_INTERVAL: Duration = Duration::from_millis(20);

/// The leeway of a verifier for clocks that differ, and a second.
pub(crate) const LEEWAY: Duration = Duration::from_secs(61);

/// A login of an act, with the id and the stored form of its session.
#[derive(Clone)]
pub(crate) struct HeldLogin {
    pub(crate) login: Login,
    pub(crate) session: SessionId,
    /// The lifetime of its access token in seconds; 0 for a session token.
    pub(crate) expires_in: u64,
    /// When it was made, by [`Stage::elapsed`].
    made_at: Duration,
    /// What the issuer had stored when it was last looked at.
    stored: Value,
}

impl HeldLogin {
    /// The lifetime of its access token; zero for a session token.
    pub(crate) const fn lifetime(&self) -> Duration {
        Duration::from_secs(self.expires_in)
    }
}

/// The different lifetimes of the access tokens of these logins, the shortest first.
pub(crate) fn lifetimes(logins: &[HeldLogin]) -> BTreeSet<Duration> {
    logins.iter().map(HeldLogin::lifetime).filter(|lifetime| !lifetime.is_zero()).collect()
}

/// A sandbox, and the frames so far.
pub(crate) struct Stage {
    pub(crate) sandbox: Sandbox,
    frames: Vec<Frame>,
    begun: Instant,
    log_head: u64,
    steps: Vec<&'static str>,
    /// The number of the step to which the next frames belong, from 1.
    step: usize,
    /// When the event that the act is about happened in each mode, by [`Stage::elapsed`].
    events: [Option<Duration>; Mode::ALL.len()],
    /// The login that the client of each mode has made or presented last.
    clients: [Option<HeldLogin>; Mode::ALL.len()],
}

impl Stage {
    /// A stage without frames, in the step that each act begins with.
    pub(crate) fn new(sandbox: Sandbox) -> Self {
        let (frames, steps) = (Vec::new(), vec!["Log in"]);
        let events = [None; Mode::ALL.len()];
        let clients = [const { None }; Mode::ALL.len()];
        Self { sandbox, frames, begun: Instant::now(), log_head: 0, steps, step: 1, events, clients }
    }

    /// The trace so far.
    pub(crate) fn trace(&self, act: Act) -> Trace {
        let clock_offset_ms = u64::try_from(self.sandbox.clock.added().as_millis()).unwrap_or(u64::MAX);
        Trace {
            schema: "counterfoil/lab-trace/1",
            act: act.as_str(),
            clock_offset_ms,
            steps: self.steps.clone(),
            frames: self.frames.clone(),
        }
    }

    /// The logins that the clients hold, one of each mode at most.
    pub(crate) fn clients(&self) -> Vec<HeldLogin> {
        self.clients.iter().flatten().cloned().collect()
    }

    /// The frames that follow belong to the step with this title. A title that was there is that step again: modes can be
    /// played one after the other.
    pub(crate) fn step(&mut self, title: &'static str) {
        let found = self.steps.iter().position(|known| *known == title);
        self.step = 1 + found.unwrap_or_else(|| {
            self.steps.push(title);
            self.steps.len() - 1
        });
    }

    /// The frames that follow belong to a step of their own, also if its title was there before.
    pub(crate) fn new_step(&mut self, title: &'static str) {
        self.steps.push(title);
        self.step = self.steps.len();
    }

    /// The event that the act is about happens now, in one mode or in all: decisions are timed from it.
    pub(crate) fn event(&mut self, mode: Option<Mode>) {
        let now = self.elapsed();
        for (event, of) in self.events.iter_mut().zip(Mode::ALL) {
            if mode.is_none_or(|mode| mode == of) {
                *event = Some(now);
            }
        }
    }

    /// In each mode without an event, the login is the event.
    pub(crate) fn count_from_logins(&mut self) {
        for (event, client) in self.events.iter_mut().zip(&self.clients) {
            *event = event.or(client.as_ref().map(|held| held.made_at));
        }
    }

    /// The time since the act began, by the clock of the lab.
    fn elapsed(&self) -> Duration {
        self.begun.elapsed() + self.sandbox.clock.added()
    }

    /// Advances the clock until the lab has existed for `time`.
    pub(crate) fn advance_to(&mut self, time: Duration) {
        self.advance(time.saturating_sub(self.sandbox.clock.added()));
    }

    /// Logs in: a session gets a cookie as in a browser, the others get their tokens in the body.
    pub(crate) fn log_in(&mut self, mode: Mode) -> Result<HeldLogin, LabError> {
        let issuer = self.sandbox.issuer;
        let transport = if mode == Mode::Session { "cookie" } else { "bearer" };
        let body = json!({ "username": USERNAME, "password": PASSWORD, "mode": mode.as_str(), "transport": transport });
        let request = post(issuer, "/v1/login", &format!("origin: http://{issuer}"), &body.to_string());
        let text = format!("logs in with mode {}", mode.as_str());
        let response = self.exchange(mode, (Place::Client, Place::Issuer), &request, &text)?;
        let response = response.expect(200, "POST /v1/login")?;
        let parsed: Value = serde_json::from_str(&response.body).unwrap_or_default();
        let mut login = Login::from_response(mode, &response);
        if mode == Mode::Session {
            cookie_value(&response.head).unwrap_or_default().clone_into(&mut login.token);
        }
        let id = parsed["session"]["id"].as_str().unwrap_or_default();
        let session = id.parse().map_err(LabError::start("a session"))?;
        let expires_in = match mode {
            Mode::Session => 0,
            Mode::Jwt | Mode::Hybrid => parsed["expires_in"].as_u64().unwrap_or_default(),
        };
        let made_at = self.elapsed();
        let mut held = HeldLogin { login, session, expires_in, made_at, stored: Value::Null };
        self.look_at_store(&mut held, "stores one session record, and no token")?;
        self.remember(&held);
        Ok(held)
    }

    /// Refreshes the tokens of a hybrid login. A client that is refused has no refresh token any more.
    pub(crate) fn refresh(&mut self, held: &mut HeldLogin, text: &str) -> Result<Exchange, LabError> {
        let request = held.login.refresh_request(self.sandbox.issuer);
        let response = self.exchange(Mode::Hybrid, (Place::Client, Place::Issuer), &request, text)?;
        match response.status {
            200 => held.login = Login::from_response(Mode::Hybrid, &response),
            401 => held.login.refresh_token.clear(),
            _ => {}
        }
        self.remember(held);
        Ok(response)
    }

    /// Logs in once in each mode.
    pub(crate) fn log_in_all(&mut self) -> Result<Vec<HeldLogin>, LabError> {
        Mode::ALL.into_iter().map(|mode| self.log_in(mode)).collect()
    }

    /// Sends a request and records it with its answer.
    pub(crate) fn exchange(
        &mut self,
        mode: Mode,
        (from, to): (Place, Place),
        request: &[u8],
        text: &str,
    ) -> Result<Exchange, LabError> {
        let sent = String::from_utf8_lossy(request);
        let (head, body) = sent.split_once("\r\n\r\n").unwrap_or((&sent, ""));
        self.push(Some(mode), (from, to), FrameKind::Request, text.to_owned()).wire =
            Some(wire(head, body, request.len()));
        let response =
            send_once(self.sandbox.address(to), request).map_err(LabError::io("send a request"))?;
        let text = format!("answers {}", response.status);
        self.push(Some(mode), (to, from), FrameKind::Answer, text).wire =
            Some(wire(response.head.trim_end(), &response.body, response.received));
        Ok(response)
    }

    /// Presents the credential of `held` at `place`, and records what is decided.
    pub(crate) fn ask(&mut self, held: &HeldLogin, from: Place, place: Place) -> Result<u16, LabError> {
        let address = self.sandbox.address(place);
        let (request, verdict) = present(address, &held.login)?;
        Ok(self.record(held, from, place, &request, verdict))
    }

    /// Asks `place` until it decides with `status`, and records that decision.
    pub(crate) fn ask_until(&mut self, held: &HeldLogin, place: Place, status: u16) -> Result<(), LabError> {
        let (address, begun) = (self.sandbox.address(place), Instant::now());
        loop {
            let (request, verdict) = present(address, &held.login)?;
            if verdict.status == status {
                self.record(held, Place::Client, place, &request, verdict);
                return Ok(());
            }
            if begun.elapsed() > TIMEOUT {
                return Err(LabError::timeout("the expected decision of a service"));
            }
            thread::sleep(INTERVAL);
        }
    }

    /// Asks `place` once it has caught up with the issuer: a move of the clock ends its lease and makes its keys old. One that
    /// could not decide before, or cannot within some seconds, is recorded so.
    pub(crate) fn ask_when_caught_up(&mut self, held: &HeldLogin, place: Place) -> Result<u16, LabError> {
        let (address, begun) = (self.sandbox.address(place), Instant::now());
        let is_unavailable = self.last_status(place) == Some(503);
        loop {
            let (request, verdict) = present(address, &held.login)?;
            if verdict.status != 503 || is_unavailable || begun.elapsed() > CATCH_UP_TIMEOUT {
                return Ok(self.record(held, Place::Client, place, &request, verdict));
            }
            thread::sleep(CATCH_UP_INTERVAL);
        }
    }

    /// The status of the last decision of `place`.
    fn last_status(&self, place: Place) -> Option<u16> {
        let mut decisions = self.frames.iter().rev().filter(|frame| frame.from == place);
        decisions.find_map(|frame| frame.verdict.as_ref()).map(|verdict| verdict.status)
    }

    /// Records how the stored session has changed since it was last looked at.
    pub(crate) fn look_at_store(&mut self, held: &mut HeldLogin, text: &str) -> Result<(), LabError> {
        let session = self.sandbox.server()?.session(held.session)?;
        let after = session.as_ref().map_or(Value::Null, stored_form);
        let before = std::mem::replace(&mut held.stored, after.clone());
        let way = (Place::Issuer, Place::Store);
        let frame = self.push(Some(held.login.mode), way, FrameKind::Store, text.to_owned());
        frame.kept = Some(Kept { table: "session", before, after });
        self.look_at_log(held.login.mode)
    }

    /// Records the new entries of the revocation log.
    fn look_at_log(&mut self, mode: Mode) -> Result<(), LabError> {
        let head = self.sandbox.server()?.revocation_log_head()?;
        let before = std::mem::replace(&mut self.log_head, head);
        if head > before {
            let text = format!("the revocation log advances from position {before} to {head}");
            self.push(Some(mode), (Place::Issuer, Place::Store), FrameKind::Log, text);
        }
        Ok(())
    }

    /// Advances the clock of all participants.
    pub(crate) fn advance(&mut self, time: Duration) {
        self.sandbox.clock.advance(time);
        let time = duration_text(time.as_secs_f64() * 1000.0);
        self.note(None, format!("the clock of the lab is advanced by {time}"));
    }

    /// Records a text.
    pub(crate) fn note(&mut self, mode: Option<Mode>, text: String) {
        self.push(mode, (Place::Client, Place::Client), FrameKind::Note, text);
    }

    fn record(
        &mut self,
        held: &HeldLogin,
        from: Place,
        place: Place,
        request: &[u8],
        mut verdict: Verdict,
    ) -> u16 {
        let (status, mode) = (verdict.status, held.login.mode);
        if from == Place::Client {
            self.remember(held);
        }
        let event =
            Mode::ALL.into_iter().zip(self.events).find_map(|(of, event)| event.filter(|_| of == mode));
        let after = event.map(|event| self.elapsed().saturating_sub(event).as_secs_f64() * 1000.0);
        verdict.after_ms = after;
        let reason = verdict.reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default();
        let word = if verdict.accepted { "accepts" } else { "refuses" };
        let after = after.map(|ms| format!(", {} after the event", duration_text(ms))).unwrap_or_default();
        let text = format!("{word} the credential with {status}{reason}{after}");
        let sent = String::from_utf8_lossy(request);
        let frame = self.push(Some(mode), (place, from), FrameKind::Verdict, text);
        frame.wire = Some(wire(sent.trim_end(), "", request.len()));
        frame.verdict = Some(verdict);
        status
    }

    /// The client of this mode has this login from now on.
    fn remember(&mut self, held: &HeldLogin) {
        for (client, mode) in self.clients.iter_mut().zip(Mode::ALL) {
            if mode == held.login.mode {
                *client = Some(held.clone());
            }
        }
    }

    fn push(
        &mut self,
        mode: Option<Mode>,
        (from, to): (Place, Place),
        kind: FrameKind,
        text: String,
    ) -> &mut Frame {
        let (n, at_ms) = (self.frames.len() + 1, self.begun.elapsed().as_secs_f64() * 1000.0);
        let mode = mode.map(TraceMode::from);
        let step = self.step;
        let frame =
            Frame { n, at_ms, step, mode, from, to, kind, wire: None, kept: None, verdict: None, text };
        self.frames.push(frame);
        let last = self.frames.len() - 1;
        &mut self.frames[last]
    }
}

impl From<Mode> for TraceMode {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::Session => Self::Session,
            Mode::Jwt => Self::Jwt,
            Mode::Hybrid => Self::Hybrid,
        }
    }
}

/// Where a credential can be verified: a session token at its issuer only.
pub(crate) fn places(mode: Mode) -> &'static [Place] {
    match mode {
        Mode::Session => &[Place::Issuer],
        Mode::Jwt | Mode::Hybrid => &[Place::Issuer, Place::A, Place::B, Place::KeysOnly, Place::Guide],
    }
}

/// Presents a credential: the request, and what was decided.
fn present(address: SocketAddr, login: &Login) -> Result<(Vec<u8>, Verdict), LabError> {
    let request = get(address, PROTECTED, &login.mode.header(&login.token));
    let begun = Instant::now();
    let response = send_once(address, &request).map_err(LabError::io("check a credential"))?;
    let took_ns = u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX);
    let code = response.text("code");
    let reason = (!code.is_empty()).then(|| code.to_owned());
    let (accepted, status) = (response.status == 200, response.status);
    Ok((request, Verdict { accepted, status, reason, took_ns, after_ms: None }))
}

/// The value of the session cookie that the headers set.
fn cookie_value(head: &str) -> Option<&str> {
    let cookie = head.lines().find_map(|line| line.split_once("counterfoil-session="))?.1;
    cookie.split(';').next()
}

fn wire(head: &str, body: &str, bytes: usize) -> Wire {
    Wire { head: head.to_owned(), body: body.to_owned(), bytes }
}
