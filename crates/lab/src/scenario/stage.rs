//! Runs the requests of an act against a sandbox, and records each one as frames.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use counterfoil::SessionId;
use counterfoil_core::model::session::{Session, SessionCredential};
use counterfoil_jose::base64url;
use serde_json::{Value, json};

use crate::error::LabError;
use crate::load::exchange::{Exchange, send_once};
use crate::load::requests::{get, post};
use crate::rig::mode::{Login, Mode};
use crate::rig::server::{PASSWORD, PROTECTED, USERNAME};
use crate::sandbox::Sandbox;
use crate::scenario::act::Act;
use crate::scenario::trace::{Frame, FrameKind, Kept, Place, Trace, TraceMode, Verdict, Wire};

/// How long a decision is waited for.
const TIMEOUT: Duration = Duration::from_secs(30);

/// How often a service is asked while its decision is waited for.
const INTERVAL: Duration = Duration::from_millis(1);

/// The leeway of a verifier for clocks that differ, and a second.
pub(crate) const LEEWAY: Duration = Duration::from_secs(61);

/// A login of an act, with the id and the stored form of its session.
pub(crate) struct HeldLogin {
    pub(crate) login: Login,
    pub(crate) session: SessionId,
    /// The lifetime of its access token in seconds; 0 for a session token.
    pub(crate) expires_in: u64,
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
}

impl Stage {
    /// A stage without frames, in the step that each act begins with.
    pub(crate) fn new(sandbox: Sandbox) -> Self {
        let (frames, steps) = (Vec::new(), vec!["Log in"]);
        let events = [None; Mode::ALL.len()];
        Self { sandbox, frames, begun: Instant::now(), log_head: 0, steps, step: 1, events }
    }

    /// The trace, and the sandbox.
    pub(crate) fn into_trace(self, act: Act) -> (Trace, Sandbox) {
        let clock_offset_ms = u64::try_from(self.sandbox.clock.added().as_millis()).unwrap_or(u64::MAX);
        let trace = Trace {
            schema: "counterfoil/lab-trace/1",
            act: act.as_str(),
            clock_offset_ms,
            steps: self.steps,
            frames: self.frames,
        };
        (trace, self.sandbox)
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

    /// The event that the act is about happens now, in one mode or in all: decisions are timed from it.
    pub(crate) fn event(&mut self, mode: Option<Mode>) {
        let now = self.elapsed();
        for (event, of) in self.events.iter_mut().zip(Mode::ALL) {
            if mode.is_none_or(|mode| mode == of) {
                *event = Some(now);
            }
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
        let mut held = HeldLogin { login, session, expires_in, stored: Value::Null };
        self.look_at_store(&mut held, "stores one session record, and no token")?;
        Ok(held)
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
                return Err(LabError::Timeout("the expected decision of a service"));
            }
            thread::sleep(INTERVAL);
        }
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
        self.note(None, format!("the clock of the lab is advanced by {} s", time.as_secs()));
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
        let event =
            Mode::ALL.into_iter().zip(self.events).find_map(|(of, event)| event.filter(|_| of == mode));
        let after = event.map(|event| self.elapsed().saturating_sub(event).as_secs_f64() * 1000.0);
        verdict.after_ms = after;
        let reason = verdict.reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default();
        let word = if verdict.accepted { "accepts" } else { "refuses" };
        let after = after.map(|ms| format!(", {ms:.1} ms after the event")).unwrap_or_default();
        let text = format!("{word} the credential with {status}{reason}{after}");
        let sent = String::from_utf8_lossy(request);
        let frame = self.push(Some(mode), (place, from), FrameKind::Verdict, text);
        frame.wire = Some(wire(sent.trim_end(), "", request.len()));
        frame.verdict = Some(verdict);
        status
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

/// What of a session is shown. The hash of a session token and the salt of a refresh token are no secrets of a client.
fn stored_form(session: &Session) -> Value {
    let credential = match &session.credential {
        SessionCredential::Cookie(hash) => {
            json!({ "kind": "hash of the session token", "hash": base64url::encode(hash.as_bytes()) })
        }
        SessionCredential::AccessOnly => json!({ "kind": "nothing: access tokens only" }),
        SessionCredential::Refresh { counter, .. } => {
            json!({ "kind": "counter of the refresh token", "counter": counter })
        }
    };
    let ended =
        session.ended.map(|end| json!({ "at": end.at.unix_seconds(), "reason": end.reason.as_str() }));
    json!({
        "id": session.id.to_string(),
        "user": session.user.to_string(),
        "credential": credential,
        "idle": session.idle.as_secs(),
        "expires_at": session.expires_at.unix_seconds(),
        "ended": ended,
        "revision": session.revision,
    })
}

fn wire(head: &str, body: &str, bytes: usize) -> Wire {
    Wire { head: head.to_owned(), body: body.to_owned(), bytes }
}
