//! Clients that register, log in, refresh, log out, revoke and change passwords, and write down what they are told.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle, sleep};
use std::time::Duration;

use serde_json::{Value, json};

use crate::dice::Dice;
use crate::http::{Answer, Broken, Line, Request};
use crate::ledger::{Deed, Ledger, Outcome, Ticket};

/// How many logins a client has at a time.
const LOGINS: usize = 16;

/// The three ways to carry a login.
const MODES: [&str; 3] = ["session", "jwt", "hybrid"];

/// Clients at work; each is a thread of its own with users of its own.
#[derive(Debug)]
pub struct Clients {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Clients {
    /// Sends `count` clients to the server at `at`. The admin key is for revocations.
    pub fn send(count: usize, at: SocketAddr, admin: &str, ledger: &Arc<Ledger>, seed: u64) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let start = |number: usize| {
            let mut client = Client {
                line: Line::to(at),
                ledger: Arc::clone(ledger),
                admin: admin.to_owned(),
                dice: Dice::seeded(seed.wrapping_mul(1_000_003).wrapping_add(number as u64)),
                user: None,
                logins: Vec::new(),
            };
            let stop = Arc::clone(&stop);
            thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    client.step();
                }
            })
        };
        Self { threads: (0..count).map(start).collect(), stop }
    }

    /// Lets every client finish what it is doing.
    pub fn stop(self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads {
            thread.join().expect("a client does not panic");
        }
    }
}

/// Who a client is.
#[derive(Clone)]
struct User {
    id: String,
    name: String,
    password: String,
}

/// One client, and what it knows.
struct Client {
    line: Line,
    ledger: Arc<Ledger>,
    admin: String,
    dice: Dice,
    user: Option<User>,
    logins: Vec<Ticket>,
}

impl Client {
    fn step(&mut self) {
        let Some(user) = self.user.clone() else { return self.register() };
        if self.logins.len() < 3 {
            return self.log_in(&user);
        }
        match self.dice.below(100) {
            0..25 if self.logins.len() < LOGINS => self.log_in(&user),
            0..70 => self.refresh(),
            70..80 => self.log_out(),
            80..88 => self.revoke(),
            88..90 => self.revoke_all(&user),
            90..92 => self.change_password(&user),
            _ => self.look(&user),
        }
    }

    /// Asks for `deed`, and writes down what came of it; true if it was done.
    fn act(&mut self, deed: Deed, request: &Request) -> Option<Answer> {
        let number = self.ledger.ask(deed.clone());
        let answer = match self.line.ask(request) {
            Ok(answer) => answer,
            Err(Broken::Unheard(_)) => {
                self.ledger.answer(number, Outcome::Refused(0));
                // It is down, or has too much to do; whoever stops us will have noticed.
                sleep(Duration::from_millis(2));
                return None;
            }
            Err(Broken::InDoubt(_)) => return None,
        };
        match answer.status {
            200..300 => self.ledger.answer(number, Outcome::Done(Ticket::of(&answer.json()))),
            // The server could not, and says of nothing that it was done.
            500.. => self.ledger.answer(number, Outcome::InDoubt),
            status => self.ledger.answer(number, Outcome::Refused(status)),
        }
        if !(answer.is_done() || answer.is_clear_503()) {
            self.ledger.odd(format!("{deed:?}: {} {}", answer.status, answer.json()));
        }
        answer.is_done().then_some(answer)
    }

    fn register(&mut self) {
        let (name, password) = (format!("u{:016x}", self.dice.roll()), self.new_password());
        let body = json!({ "username": name, "password": password });
        let deed = Deed::Register { user: name.clone(), password: password.clone() };
        if let Some(answer) = self.act(deed, &Request::post("/v1/register").json(&body)) {
            let id = answer.json()["user"]["id"].as_str().unwrap_or_default().to_owned();
            (self.user, self.logins) = (Some(User { id, name, password }), Vec::new());
        }
    }

    fn new_password(&mut self) -> String {
        format!("{:016x} {:016x}", self.dice.roll(), self.dice.roll())
    }

    fn log_in(&mut self, user: &User) {
        let mode = MODES[self.dice.below(MODES.len())];
        let body = json!({ "username": user.name, "password": user.password, "mode": mode });
        let deed = Deed::Login { user: user.name.clone() };
        if let Some(answer) = self.act(deed, &Request::post("/v1/login").json(&body)) {
            self.logins.push(Ticket::of(&answer.json()));
        }
    }

    /// The number of a login for which `fits`, if there is one.
    fn some_login(&mut self, fits: impl Fn(&Ticket) -> bool) -> Option<usize> {
        let found: Vec<usize> = (0..self.logins.len()).filter(|number| fits(&self.logins[*number])).collect();
        self.dice.pick(&found).copied()
    }

    fn refresh(&mut self) {
        let Some(number) = self.some_login(|login| login.refresh_token.is_some()) else { return };
        let login = self.logins.swap_remove(number);
        let shown = login.refresh_token.clone().unwrap_or_default();
        let deed = Deed::Refresh { session: login.session.clone(), shown: shown.clone() };
        let request = Request::post("/v1/refresh").json(&json!({ "refresh_token": shown }));
        // A refresh in doubt is not tried again here: what becomes of it is for the check.
        if let Some(answer) = self.act(deed, &request) {
            let session = login.session;
            self.logins.push(Ticket { session, ..Ticket::of(&answer.json()) });
        }
    }

    fn log_out(&mut self) {
        let Some(number) = self.some_login(|_| true) else { return };
        let login = self.logins.swap_remove(number);
        let request = Request::post("/v1/logout");
        let request = match (&login.refresh_token, bearer(&login)) {
            (Some(token), _) => request.json(&json!({ "refresh_token": token })),
            (None, Some(token)) => request.bearer(token),
            (None, None) => return,
        };
        self.act(Deed::End { session: login.session }, &request);
    }

    fn revoke(&mut self) {
        let Some(number) = self.some_login(|_| true) else { return };
        let login = self.logins.swap_remove(number);
        let request = self.revocation(&json!({ "subject": format!("session:{}", login.session) }));
        self.act(Deed::End { session: login.session }, &request);
    }

    fn revoke_all(&mut self, user: &User) {
        self.logins.clear();
        let request = self.revocation(&json!({ "subject": format!("user:{}", user.id) }));
        self.act(Deed::EndAll { user: user.name.clone() }, &request);
    }

    fn revocation(&self, body: &Value) -> Request {
        Request::post("/v1/revocations").bearer(&self.admin).json(body)
    }

    fn change_password(&mut self, user: &User) {
        let Some(number) = self.some_login(|login| bearer(login).is_some()) else { return };
        let login = self.logins.swap_remove(number);
        let password = self.new_password();
        let body = json!({ "current_password": user.password, "new_password": password });
        let (name, session) = (user.name.clone(), login.session.clone());
        let deed = Deed::ChangePassword { user: name, session, password: password.clone() };
        let token = bearer(&login).unwrap_or_default();
        let done = self.act(deed, &Request::post("/v1/password").bearer(token).json(&body)).is_some();
        self.logins.clear();
        // Nobody knows which password is the right one if it is in doubt.
        self.user = done.then(|| User { password, ..user.clone() });
        if done && login.session_token.is_some() {
            self.logins.push(login);
        }
    }

    /// Asks who it is; nobody is ever told that they are somebody else.
    fn look(&mut self, user: &User) {
        let Some(number) = self.some_login(|login| bearer(login).is_some()) else { return };
        let request = Request::get("/v1/me").bearer(bearer(&self.logins[number]).unwrap_or_default());
        let Ok(answer) = self.line.ask(&request) else { return };
        let is_right = answer.is_clear_503() || answer.json()["user"]["username"] == user.name;
        if !is_right {
            self.ledger.odd(format!("{} asked who they are: {} {}", user.name, answer.status, answer.json()));
        }
    }
}

/// What a login shows as a bearer.
pub(crate) fn bearer(login: &Ticket) -> Option<&str> {
    login.session_token.as_deref().or(login.access_token.as_deref())
}
