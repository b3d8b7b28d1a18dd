//! An installation of its own for each test: a store in a fresh directory, a server on a free port.

use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::oneshot;

use counterfoil::operator::Command;
use counterfoil::{App, Settings};
use counterfoil_core::credentials::password::Argon2Cost;
use counterfoil_core::services::login_rate_limiter::{RateLimit, RateLimits};
use counterfoil_jose::Secret;

use crate::client::{Answer, Request};

/// The password of everybody here.
pub(crate) const PASSWORD: &str = "correct horse battery";

/// A running installation; it ends when it is dropped.
pub(crate) struct Site {
    pub(crate) app: App,
    pub(crate) address: SocketAddr,
    pub(crate) origin: String,
    _dir: TempDir,
    _stop: oneshot::Sender<()>,
}

impl Site {
    /// With an issuer on plain HTTP and loopback.
    pub(crate) async fn open() -> Self {
        Self::with(|_| {}).await
    }

    /// With an issuer on TLS: a proxy before us would terminate it.
    pub(crate) async fn secure() -> Self {
        Self::with(|settings| settings.issuer = "https://auth.example".parse().unwrap()).await
    }

    /// With settings of the test.
    pub(crate) async fn with(change: impl FnOnce(&mut Settings)) -> Self {
        let dir = TempDir::new().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let store = format!("sqlite:{}", dir.path().join("auth.db").display());
        let issuer = format!("http://{address}");
        let mut settings = Settings::new(issuer.parse().unwrap(), store.parse().unwrap());
        settings.argon2 = Argon2Cost { memory: 64, passes: 1, lanes: 1 };
        settings.password_hashing_threads = 1;
        settings.rate_limits = without_end();
        change(&mut settings);

        let origin = settings.issuer.origin().to_string();
        let app = App::open(settings).await.unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = counterfoil::serve(app.clone(), listener, async move {
            let _ = stopped.await;
        });
        tokio::spawn(serving);
        Self { app, address, origin, _dir: dir, _stop: stop }
    }

    /// Registers somebody.
    pub(crate) async fn register(&self, name: &str) {
        let form = json!({ "username": name, "password": PASSWORD });
        let answer = Request::post("/v1/register").json(&form).send(self).await;
        assert_eq!(answer.status, 201, "{answer:?}");
    }

    /// Adds an administrator, as an operator does.
    pub(crate) async fn add_admin(&self, name: &str) {
        let password = Secret::new(PASSWORD.to_owned());
        let (username, roles) = (name.to_owned(), vec!["admin".to_owned()]);
        let add = Command::UserAdd { username, password, email: None, roles };
        self.app.administer(add).await.unwrap();
    }

    /// Logs somebody in, with credentials in the body.
    pub(crate) async fn login(&self, name: &str, mode: &str) -> Value {
        let form = json!({ "username": name, "password": PASSWORD, "mode": mode });
        let answer = Request::post("/v1/login").json(&form).send(self).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    }

    /// Logs somebody in with a browser.
    pub(crate) async fn login_browser(&self, browser: &mut Browser, name: &str, mode: &str) -> Answer {
        let form = json!({ "username": name, "password": PASSWORD, "mode": mode, "carrier": "cookie" });
        let answer = browser.send(Request::post("/v1/login").json(&form), self).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer
    }

    /// What says who is calling: the status of `/v1/me` for this bearer.
    pub(crate) async fn me(&self, bearer: &str) -> u16 {
        Request::get("/v1/me").bearer(bearer).send(self).await.status
    }
}

/// Limits that no test reaches unless it is about them: everything here comes from one address.
fn without_end() -> RateLimits {
    let rate = RateLimit { most: u32::MAX, window: Duration::from_secs(1) };
    RateLimits {
        account_and_source: rate,
        source: rate,
        in_a_row: rate,
        password_changes: rate,
        registrations: rate,
        ..RateLimits::default()
    }
}

/// The text of a member.
pub(crate) fn text<'a>(value: &'a Value, member: &str) -> &'a str {
    value[member].as_str().unwrap_or_else(|| panic!("no {member} in {value}"))
}

/// A browser on our own pages: it keeps cookies and says from where it writes.
#[derive(Debug, Default, Clone)]
pub(crate) struct Browser {
    pub(crate) cookies: Vec<(String, String)>,
}

impl Browser {
    /// Sends a request with its cookies, and takes up what the answer sets and clears.
    pub(crate) async fn send(&mut self, request: Request, site: &Site) -> Answer {
        let line =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ");
        let request = if line.is_empty() { request } else { request.header("cookie", line) };
        let answer = request.header("sec-fetch-site", "same-origin").send(site).await;
        self.take_up(&answer);
        answer
    }

    fn take_up(&mut self, answer: &Answer) {
        for line in answer.all("set-cookie") {
            let (pair, attributes) = line.split_once(';').unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            self.cookies.retain(|(kept, _)| kept != name);
            if !attributes.contains("Max-Age=0") {
                self.cookies.push((name.to_owned(), value.to_owned()));
            }
        }
    }

    /// The value of a cookie, by the end of its name.
    pub(crate) fn cookie(&self, name: &str) -> Option<&str> {
        self.cookies.iter().find(|(kept, _)| kept.ends_with(name)).map(|(_, value)| value.as_str())
    }

    /// The names, without what they begin with.
    pub(crate) fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> =
            self.cookies.iter().map(|(name, _)| name.rsplit('-').next().unwrap()).collect();
        names.sort_unstable();
        names
    }
}
