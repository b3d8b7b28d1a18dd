//! A test server on a free port, with a store in a new temporary directory, and a browser with cookies.

use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::oneshot;

use counterfoil::operator::Command;
use counterfoil::{App, ClockSource, OpenError, Settings};
use counterfoil_core::credentials::password::Argon2Cost;
use counterfoil_core::services::login_rate_limiter::{RateLimit, RateLimits};
use counterfoil_jose::Secret;

use crate::client::{Request, Response};

/// The password of every test user.
pub(crate) const PASSWORD: &str = "correct horse battery";

/// A running server. It stops when it is dropped.
pub(crate) struct TestServer {
    pub(crate) app: App,
    pub(crate) address: SocketAddr,
    pub(crate) origin: String,
    pub(crate) _dir: TempDir,
    pub(crate) _stop: oneshot::Sender<()>,
}

impl TestServer {
    /// Starts a server whose issuer uses plain HTTP on loopback.
    pub(crate) async fn open() -> Self {
        Self::with(|_| {}).await
    }

    /// Starts a server whose issuer uses HTTPS, as behind a proxy that terminates TLS.
    pub(crate) async fn secure() -> Self {
        Self::with(|settings| settings.issuer = "https://auth.example".parse().unwrap()).await
    }

    /// Starts a server with changed settings.
    pub(crate) async fn with(change: impl FnOnce(&mut Settings)) -> Self {
        Self::start(change, App::open).await
    }

    /// Starts a server with changed settings and another clock.
    pub(crate) async fn with_clock(change: impl FnOnce(&mut Settings), clock: impl ClockSource) -> Self {
        Self::start(change, |settings| App::open_with_clock(settings, clock)).await
    }

    async fn start<F>(change: impl FnOnce(&mut Settings), open: impl FnOnce(Settings) -> F) -> Self
    where
        F: Future<Output = Result<App, OpenError>>,
    {
        let dir = TempDir::new().unwrap();
        let store = format!("sqlite:{}", dir.path().join("auth.db").display());
        let mut settings = Settings::new("http://localhost".parse().unwrap(), store.parse().unwrap());
        settings.argon2 = Argon2Cost { memory_kib: 64, iterations: 1, parallelism: 1 };
        settings.password_hashing_threads = 1;
        settings.rate_limits = no_limits();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        settings.issuer = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
        change(&mut settings);
        Self::serve(dir, listener, settings, open).await
    }

    pub(crate) async fn serve<F>(
        dir: TempDir,
        listener: TcpListener,
        settings: Settings,
        open: impl FnOnce(Settings) -> F,
    ) -> Self
    where
        F: Future<Output = Result<App, OpenError>>,
    {
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let origin = settings.issuer.origin().to_string();
        let app = open(settings).await.unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = app.clone().serve(listener, async move {
            let _ = stopped.await;
        });
        tokio::spawn(serving);
        Self { app, address, origin, _dir: dir, _stop: stop }
    }

    /// Registers a user.
    pub(crate) async fn register(&self, name: &str) {
        let form = json!({ "username": name, "password": PASSWORD });
        let response = Request::post("/v1/register").json(&form).send(self).await;
        assert_eq!(response.status, 201, "{response:?}");
    }

    /// Adds an administrator with an admin command.
    pub(crate) async fn add_admin(&self, name: &str) {
        let password = Secret::new(PASSWORD.to_owned());
        let (username, roles) = (name.to_owned(), vec!["admin".to_owned()]);
        let add = Command::UserAdd { username, password, email: None, roles };
        self.app.administer(add).await.unwrap();
    }

    /// Logs a user in and returns the response body with the credentials.
    pub(crate) async fn login(&self, name: &str, mode: &str) -> Value {
        let form = json!({ "username": name, "password": PASSWORD, "mode": mode });
        let response = Request::post("/v1/login").json(&form).send(self).await;
        assert_eq!(response.status, 200, "{response:?}");
        response.json()
    }

    /// Logs a user in with cookies.
    pub(crate) async fn login_browser(&self, browser: &mut Browser, name: &str, mode: &str) -> Response {
        let form = json!({ "username": name, "password": PASSWORD, "mode": mode, "transport": "cookie" });
        let response = browser.send(Request::post("/v1/login").json(&form), self).await;
        assert_eq!(response.status, 200, "{response:?}");
        response
    }

    /// The status of `GET /v1/me` for this bearer token.
    pub(crate) async fn me(&self, bearer: &str) -> u16 {
        Request::get("/v1/me").bearer(bearer).send(self).await.status
    }
}

/// Rate limits that no test reaches, because every request has the same client IP.
fn no_limits() -> RateLimits {
    let rate = RateLimit { max: u32::MAX, window: Duration::from_secs(1) };
    RateLimits {
        per_account_and_ip: rate,
        per_ip: rate,
        per_account: rate,
        per_account_from_one_ip: rate,
        successful_per_account: rate,
        successful_per_ip: rate,
        password_changes_per_user: rate,
        password_change: rate,
        registrations_per_ip: rate,
        ..RateLimits::default()
    }
}

/// The string in this JSON member.
pub(crate) fn text<'a>(value: &'a Value, member: &str) -> &'a str {
    value[member].as_str().unwrap_or_else(|| panic!("no {member} in {value}"))
}

/// A same-origin browser: it stores cookies and sends `Sec-Fetch-Site`.
#[derive(Debug, Default, Clone)]
pub(crate) struct Browser {
    pub(crate) cookies: Vec<(String, String)>,
}

impl Browser {
    /// Sends a request with its cookies, and stores or deletes the cookies that the response sets.
    pub(crate) async fn send(&mut self, request: Request, server: &TestServer) -> Response {
        let line =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ");
        let request = if line.is_empty() { request } else { request.header("cookie", line) };
        let response = request.header("sec-fetch-site", "same-origin").send(server).await;
        self.store_cookies(&response);
        response
    }

    fn store_cookies(&mut self, response: &Response) {
        for line in response.all("set-cookie") {
            let (pair, attributes) = line.split_once(';').unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            self.cookies.retain(|(kept, _)| kept != name);
            if !attributes.contains("Max-Age=0") {
                self.cookies.push((name.to_owned(), value.to_owned()));
            }
        }
    }

    /// The value of the cookie whose name ends like this.
    pub(crate) fn cookie(&self, name: &str) -> Option<&str> {
        self.cookies.iter().find(|(kept, _)| kept.ends_with(name)).map(|(_, value)| value.as_str())
    }

    /// The cookie names without their prefix, sorted.
    pub(crate) fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> =
            self.cookies.iter().map(|(name, _)| name.rsplit('-').next().unwrap()).collect();
        names.sort_unstable();
        names
    }
}
