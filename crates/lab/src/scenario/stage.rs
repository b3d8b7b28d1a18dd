//! Runs the requests of an act against a sandbox, and records each one as frames.

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
use crate::scenario::trace::{Frame, FrameKind, Kept, Place, TraceMode, Verdict, Wire};

/// How long a decision is waited for.
const TIMEOUT: Duration = Duration::from_secs(30);

/// How often a service is asked while its decision is waited for.
const INTERVAL: Duration = Duration::from_millis(1);

/// A login of an act, with the id and the stored form of its session.
pub(crate) struct HeldLogin {
    pub(crate) login: Login,
    pub(crate) session: SessionId,
    /// The lifetime of its access token in seconds; 0 for a session token.
    pub(crate) expires_in: u64,
    /// What the issuer had stored when it was last looked at.
    stored: Value,
}

/// A sandbox, and the frames so far.
pub(crate) struct Stage {
    pub(crate) sandbox: Sandbox,
    frames: Vec<Frame>,
    begun: Instant,
    log_head: u64,
}

impl Stage {
    /// A stage without frames.
    pub(crate) fn new(sandbox: Sandbox) -> Self {
        Self { sandbox, frames: Vec::new(), begun: Instant::now(), log_head: 0 }
    }

    /// The frames.
    pub(crate) fn into_frames(self) -> Vec<Frame> {
        self.frames
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
        let verdict = present(address, &held.login)?;
        Ok(self.record(held, from, place, verdict, ""))
    }

    /// Asks `place` until it decides with `status`, and records that decision with the time that has passed since `since`.
    pub(crate) fn ask_until(
        &mut self,
        held: &HeldLogin,
        place: Place,
        status: u16,
        since: Instant,
    ) -> Result<Duration, LabError> {
        let address = self.sandbox.address(place);
        loop {
            let verdict = present(address, &held.login)?;
            let passed = since.elapsed();
            if verdict.status == status {
                let after = format!(", {} ms after the event", passed.as_millis());
                self.record(held, Place::Client, place, verdict, &after);
                return Ok(passed);
            }
            if passed > TIMEOUT {
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

    fn record(&mut self, held: &HeldLogin, from: Place, place: Place, verdict: Verdict, after: &str) -> u16 {
        let status = verdict.status;
        let reason = verdict.reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default();
        let word = if verdict.accepted { "accepts" } else { "refuses" };
        let text = format!("{word} the credential with {status}{reason}{after}");
        self.push(Some(held.login.mode), (place, from), FrameKind::Verdict, text).verdict = Some(verdict);
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
        let frame = Frame { n, at_ms, mode, from, to, kind, wire: None, kept: None, verdict: None, text };
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

fn present(address: SocketAddr, login: &Login) -> Result<Verdict, LabError> {
    let request = get(address, PROTECTED, &login.mode.header(&login.token));
    let begun = Instant::now();
    let response = send_once(address, &request).map_err(LabError::io("check a credential"))?;
    let took_ns = u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX);
    let code = response.text("code");
    let reason = (!code.is_empty()).then(|| code.to_owned());
    Ok(Verdict { accepted: response.status == 200, status: response.status, reason, took_ns })
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
