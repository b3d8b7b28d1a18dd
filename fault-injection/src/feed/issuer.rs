//! The issuer of a scenario: a server with short-lived leases, its keys, and logins.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use counterfoil_jose::base64url;
use serde_json::{Value, json};

use crate::feed::verifier::{Method, VerifierConfig};
use crate::http::{Connection, Request, Response, send};
use crate::program::{LaunchConfig, Program};
use crate::server::Server;

const PASSWORD: &str = "correct horse battery staple";

/// How many clients log in at the same time.
const CONCURRENT_LOGINS: usize = 16;

/// A running issuer with the user ada.
pub struct Issuer<'p> {
    program: &'p Program,
    config: LaunchConfig,
    server: Option<Server>,
    /// An admin key.
    pub admin_key: String,
    /// A verifier key.
    pub verifier_key: String,
}

/// A login in mode `jwt`.
#[derive(Debug, Clone)]
pub struct Login {
    /// The access token.
    pub token: String,
    /// The claims of the token.
    pub claims: Value,
}

impl<'p> Issuer<'p> {
    /// Starts an issuer in `dir` whose leases are `lease` long.
    ///
    /// # Errors
    ///
    /// If it does not start.
    pub fn start(program: &'p Program, dir: &Path, lease: Duration) -> Result<Self> {
        let config = LaunchConfig::new(dir.join("data"))
            .with_env("COUNTERFOIL_FEED_LEASE", format!("{}ms", lease.as_millis()))
            // All clients connect from one address, and many at the same moment.
            .with_env("COUNTERFOIL_MAX_PENDING_CONNECTIONS_PER_IP", "1000000");
        let server = program.start(&config)?;
        let account = json!({ "username": "ada", "password": PASSWORD });
        let registered = send(server.address, &Request::post("/v1/register").json(&account))?;
        ensure!(registered.is_success(), "the registration gets {}", registered.status);
        let admin_key = program.create_admin_key(&config)?;
        let verifier_key = program.create_verifier_key(&config)?;
        Ok(Self { program, config, server: Some(server), admin_key, verifier_key })
    }

    /// The running process.
    ///
    /// # Errors
    ///
    /// If it was killed.
    pub fn server(&self) -> Result<&Server> {
        self.server.as_ref().context("the issuer was killed")
    }

    /// A verifier that reaches this issuer at `address`, and accepts tokens as the one of `login`.
    pub fn verifier_config(&self, address: SocketAddr, login: &Login, method: Method) -> VerifierConfig {
        VerifierConfig { issuer: address, audience: login.audience(), key: self.verifier_key.clone(), method }
    }

    /// Its address, which changes at each start.
    ///
    /// # Errors
    ///
    /// If it was killed.
    pub fn address(&self) -> Result<SocketAddr> {
        Ok(self.server()?.address)
    }

    /// Ends it with SIGKILL.
    ///
    /// # Errors
    ///
    /// If it does not run.
    pub fn kill(&mut self) -> Result<()> {
        Ok(self.server.take().context("the issuer was killed before")?.kill()?)
    }

    /// Starts it again after [`kill`](Self::kill).
    ///
    /// # Errors
    ///
    /// If it does not start.
    pub fn restart(&mut self) -> Result<()> {
        self.server = Some(self.program.start(&self.config)?);
        Ok(())
    }

    /// Logs ada in `count` times.
    ///
    /// # Errors
    ///
    /// If a login fails.
    pub fn log_in(&self, count: usize) -> Result<Vec<Login>> {
        let (address, remaining) = (self.address()?, AtomicUsize::new(count));
        let log_in_some = || -> Result<Vec<Login>> {
            let (mut connection, mut logins) = (Connection::new(address), Vec::new());
            while remaining.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1)).is_ok() {
                let response = connection.send(&login_request()).map_err(std::io::Error::from)?;
                logins.push(Login::from_response(&response)?);
            }
            Ok(logins)
        };
        let parts: Result<Vec<Vec<Login>>> = thread::scope(|scope| {
            let threads: Vec<_> =
                (0..CONCURRENT_LOGINS.min(count)).map(|_| scope.spawn(log_in_some)).collect();
            threads.into_iter().map(|thread| thread.join().expect("a login does not panic")).collect()
        });
        Ok(parts?.concat())
    }

    /// The request that revokes a subject, without a wait or with one for the fleet.
    pub fn revocation(&self, subject: &str, wait: &str) -> Request {
        Request::post("/v1/revocations")
            .bearer(&self.admin_key)
            .json(&json!({ "subject": subject, "wait": wait }))
    }
}

/// A login of ada in mode `jwt`.
pub fn login_request() -> Request {
    Request::post("/v1/login").json(&json!({ "username": "ada", "password": PASSWORD, "mode": "jwt" }))
}

impl Login {
    fn from_response(response: &Response) -> Result<Self> {
        let body = response.json();
        let token = body["access_token"].as_str();
        let token = token.with_context(|| format!("the login gets {}: {body}", response.status))?.to_owned();
        let payload = token.split('.').nth(1).context("an access token has three parts")?;
        let claims = serde_json::from_slice(&base64url::decode(payload)?)?;
        Ok(Self { token, claims })
    }

    /// Its session, as the subject of a revocation.
    pub fn subject(&self) -> String {
        format!("session:{}", self.claims["sid"].as_str().unwrap_or_default())
    }

    /// The audience of the token.
    pub fn audience(&self) -> String {
        let audience = &self.claims["aud"];
        audience.as_str().or_else(|| audience[0].as_str()).unwrap_or_default().to_owned()
    }

    /// The request that logs it out.
    pub fn logout(&self) -> Request {
        Request::post("/v1/logout").bearer(&self.token)
    }
}
