//! The workload: clients that send state-changing requests of every kind and record every outcome.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle, sleep};
use std::time::Duration;

use serde_json::{Value, json};

use crate::history::{History, IssuedCredentials, Operation, Outcome};
use crate::http::{Connection, Request, RequestError, Response};
use crate::rng::Rng;

/// How many sessions a client has at most.
const MAX_SESSIONS: usize = 16;

/// The modes of a login.
const MODES: [&str; 3] = ["session", "jwt", "hybrid"];

/// Running clients; each has a thread and users of its own.
#[derive(Debug)]
pub struct Workload {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Workload {
    /// Starts `count` clients against the server at `address`. Revocations use `admin_key`.
    pub fn start(
        count: usize,
        address: SocketAddr,
        admin_key: &str,
        history: &Arc<History>,
        seed: u64,
    ) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let start_client = |number: usize| {
            let mut client = Client {
                connection: Connection::new(address),
                history: Arc::clone(history),
                admin_key: admin_key.to_owned(),
                rng: Rng::from_seed(seed.wrapping_mul(1_000_003).wrapping_add(number as u64)),
                user: None,
                sessions: Vec::new(),
            };
            let stop = Arc::clone(&stop);
            thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    client.run_step();
                }
            })
        };
        Self { threads: (0..count).map(start_client).collect(), stop }
    }

    /// Stops all clients after their current operation, and waits for them.
    ///
    /// # Panics
    ///
    /// If a client panicked.
    pub fn stop(self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads {
            thread.join().expect("a client does not panic");
        }
    }
}

/// The user of a client.
#[derive(Clone)]
struct User {
    id: String,
    name: String,
    password: String,
}

/// One client and the credentials it holds.
struct Client {
    connection: Connection,
    history: Arc<History>,
    admin_key: String,
    rng: Rng,
    user: Option<User>,
    sessions: Vec<IssuedCredentials>,
}

impl Client {
    /// Executes one random operation.
    fn run_step(&mut self) {
        let Some(user) = self.user.clone() else { return self.register() };
        if self.sessions.len() < 3 {
            return self.log_in(&user);
        }
        match self.rng.below(100) {
            0..25 if self.sessions.len() < MAX_SESSIONS => self.log_in(&user),
            0..70 => self.refresh(),
            70..80 => self.log_out(),
            80..88 => self.revoke_session(),
            88..90 => self.revoke_all_sessions(&user),
            90..92 => self.change_password(&user),
            _ => self.check_current_user(&user),
        }
    }

    /// Sends `request`, records the outcome of `operation`, and returns the response if it was acknowledged.
    fn execute(&mut self, operation: Operation, request: &Request) -> Option<Response> {
        let index = self.history.start(operation.clone());
        let response = match self.connection.send(request) {
            Ok(response) => response,
            Err(RequestError::NotSent(_)) => {
                self.history.complete(index, Outcome::Rejected(0));
                // The server is down or overloaded; the owner of the workload notices that and stops it.
                sleep(Duration::from_millis(2));
                return None;
            }
            Err(RequestError::NoResponse(_)) => return None,
        };
        let outcome = match response.status {
            200..300 => Outcome::Acknowledged(IssuedCredentials::from_json(&response.json())),
            // A 5xx does not say whether the operation was carried out.
            500.. => Outcome::Unknown,
            status => Outcome::Rejected(status),
        };
        self.history.complete(index, outcome);
        if !(response.is_success() || response.is_retryable_503()) {
            let description = format!("{operation:?}: {} {}", response.status, response.json());
            self.history.record_unexpected_response(description);
        }
        response.is_success().then_some(response)
    }

    fn register(&mut self) {
        let (name, password) = (format!("u{:016x}", self.rng.next_u64()), self.random_password());
        let body = json!({ "username": name, "password": password });
        let operation = Operation::Register { user: name.clone(), password: password.clone() };
        if let Some(response) = self.execute(operation, &Request::post("/v1/register").json(&body)) {
            let id = response.json()["user"]["id"].as_str().unwrap_or_default().to_owned();
            (self.user, self.sessions) = (Some(User { id, name, password }), Vec::new());
        }
    }

    fn random_password(&mut self) -> String {
        format!("{:016x} {:016x}", self.rng.next_u64(), self.rng.next_u64())
    }

    fn log_in(&mut self, user: &User) {
        let mode = MODES[self.rng.below(MODES.len())];
        let body = json!({ "username": user.name, "password": user.password, "mode": mode });
        let operation = Operation::Login { user: user.name.clone() };
        if let Some(response) = self.execute(operation, &Request::post("/v1/login").json(&body)) {
            self.sessions.push(IssuedCredentials::from_json(&response.json()));
        }
    }

    /// The index of a random session that meets `condition`.
    fn choose_session(&mut self, condition: impl Fn(&IssuedCredentials) -> bool) -> Option<usize> {
        let indexes: Vec<usize> =
            (0..self.sessions.len()).filter(|index| condition(&self.sessions[*index])).collect();
        self.rng.choose(&indexes).copied()
    }

    fn refresh(&mut self) {
        let Some(index) = self.choose_session(|session| session.refresh_token.is_some()) else { return };
        let credentials = self.sessions.swap_remove(index);
        let session = credentials.session;
        let refresh_token = credentials.refresh_token.unwrap_or_default();
        let request = Request::post("/v1/refresh").json(&json!({ "refresh_token": refresh_token }));
        let operation = Operation::Refresh { session: session.clone(), refresh_token };
        // A refresh with an unknown outcome is not retried here: the check of the model does that.
        if let Some(response) = self.execute(operation, &request) {
            self.sessions
                .push(IssuedCredentials { session, ..IssuedCredentials::from_json(&response.json()) });
        }
    }

    fn log_out(&mut self) {
        let Some(index) = self.choose_session(|_| true) else { return };
        let credentials = self.sessions.swap_remove(index);
        let request = Request::post("/v1/logout");
        let request = match (&credentials.refresh_token, credentials.bearer_token()) {
            (Some(token), _) => request.json(&json!({ "refresh_token": token })),
            (None, Some(token)) => request.bearer(token),
            (None, None) => return,
        };
        self.execute(Operation::EndSession { session: credentials.session }, &request);
    }

    fn revoke_session(&mut self) {
        let Some(index) = self.choose_session(|_| true) else { return };
        let session = self.sessions.swap_remove(index).session;
        let request = self.revocation(&json!({ "subject": format!("session:{session}") }));
        self.execute(Operation::EndSession { session }, &request);
    }

    fn revoke_all_sessions(&mut self, user: &User) {
        self.sessions.clear();
        let request = self.revocation(&json!({ "subject": format!("user:{}", user.id) }));
        self.execute(Operation::EndAllSessions { user: user.name.clone() }, &request);
    }

    fn revocation(&self, body: &Value) -> Request {
        Request::post("/v1/revocations").bearer(&self.admin_key).json(body)
    }

    fn change_password(&mut self, user: &User) {
        let Some(index) = self.choose_session(|session| session.bearer_token().is_some()) else { return };
        let credentials = self.sessions.swap_remove(index);
        let password = self.random_password();
        let body = json!({ "current_password": user.password, "new_password": password });
        let operation = Operation::ChangePassword {
            user: user.name.clone(),
            session: credentials.session.clone(),
            password: password.clone(),
        };
        let token = credentials.bearer_token().unwrap_or_default();
        let request = Request::post("/v1/password").bearer(token).json(&body);
        let response = self.execute(operation, &request);
        let is_changed = response.is_some();
        self.sessions.clear();
        // If the outcome is unknown, so is the right password: the client registers another user.
        self.user = is_changed.then(|| User { password, ..user.clone() });
        // The session stays, with new credentials.
        self.sessions.extend(response.map(|response| IssuedCredentials::from_json(&response.json())));
    }

    /// Checks that `GET /v1/me` returns the client's own user.
    fn check_current_user(&mut self, user: &User) {
        let Some(index) = self.choose_session(|session| session.bearer_token().is_some()) else { return };
        let token = self.sessions[index].bearer_token().unwrap_or_default();
        let Ok(response) = self.connection.send(&Request::get("/v1/me").bearer(token)) else { return };
        let is_right = response.is_retryable_503() || response.json()["user"]["username"] == user.name;
        if !is_right {
            let (name, status) = (&user.name, response.status);
            let description = format!("GET /v1/me as {name}: {status} {}", response.json());
            self.history.record_unexpected_response(description);
        }
    }
}
