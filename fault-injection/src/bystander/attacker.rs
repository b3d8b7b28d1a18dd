//! The client that uses the server as fast as it can: its accounts, its tokens and its connections.

use std::collections::{BTreeMap, VecDeque};
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpStream, UnixStream};

use crate::bystander::Target;
use crate::bystander::row::{Action, Listener, Row};
use crate::http::{Request, Response};
use crate::load::{AsyncConnection, connect_from};

/// The password of every account.
pub const PASSWORD: &str = "correct horse battery staple";

/// An account with its client IP and credentials.
#[derive(Debug)]
pub struct Identity {
    /// The server.
    pub target: Target,
    /// The client IP.
    pub source: Ipv4Addr,
    /// The username.
    pub username: String,
    /// The number of the account.
    pub number: u8,
    /// The id of the user.
    pub user_id: String,
    /// The token of a session.
    pub session_token: String,
    /// The tokens of a session in mode `hybrid`.
    pub access_token: String,
    /// Its refresh token.
    pub refresh_token: String,
}

impl Identity {
    /// Registers `NAME-NUMBER` and logs in.
    ///
    /// # Errors
    ///
    /// If the server refuses it.
    pub async fn register(target: &Target, source: Ipv4Addr, name: &str, number: u8) -> Result<Self> {
        let username = format!("{name}-{number}");
        register(source, target, &username).await?;
        Self::log_in(target, source, username, number).await
    }

    /// Logs in as a user that exists.
    ///
    /// # Errors
    ///
    /// If the server refuses it.
    pub async fn log_in(target: &Target, source: Ipv4Addr, username: String, number: u8) -> Result<Self> {
        let mut connection = AsyncConnection::from_source(source, target.address);
        let credentials = json!({ "username": username, "password": PASSWORD });
        let hybrid = json!({ "username": username, "password": PASSWORD, "mode": "hybrid" });
        let session = connection.send(&Request::post("/v1/login").json(&credentials)).await?.json();
        let tokens = connection.send(&Request::post("/v1/login").json(&hybrid)).await?.json();
        let text = |value: &Value, name: &str| {
            let text = value[name].as_str().map(str::to_owned);
            text.with_context(|| format!("the login of {username} returned no {name}"))
        };
        Ok(Self {
            target: target.clone(),
            source,
            number,
            user_id: text(&session["user"], "id")?,
            session_token: text(&session, "session_token")?,
            access_token: text(&tokens, "access_token")?,
            refresh_token: text(&tokens, "refresh_token")?,
            username,
        })
    }

    /// A login of this account.
    pub fn login(&self) -> Request {
        Request::post("/v1/login").json(&json!({ "username": self.username, "password": PASSWORD }))
    }
}

/// Registers a user.
///
/// # Errors
///
/// If the server refuses it.
pub async fn register(source: Ipv4Addr, target: &Target, username: &str) -> Result<()> {
    let mut connection = AsyncConnection::from_source(source, target.address);
    let credentials = json!({ "username": username, "password": PASSWORD });
    let registered = connection.send(&Request::post("/v1/register").json(&credentials)).await?;
    ensure!(registered.status == 201, "the registration of {username} gets {}", registered.status);
    Ok(())
}

/// The load of one row.
#[derive(Debug)]
pub(crate) struct Attack {
    row: &'static Row,
    identity: Identity,
    actions: AtomicU64,
    statuses: Mutex<BTreeMap<u16, u64>>,
}

impl Attack {
    pub(crate) fn new(row: &'static Row, identity: Identity) -> Self {
        Self { row, identity, actions: AtomicU64::new(0), statuses: Mutex::default() }
    }

    /// How often the action was done.
    pub(crate) fn actions(&self) -> u64 {
        self.actions.load(Ordering::Relaxed)
    }

    /// The statuses of the responses, and how many of each; 0 for none.
    pub(crate) fn statuses(&self) -> Vec<(u16, u64)> {
        let statuses = self.statuses.lock().unwrap_or_else(PoisonError::into_inner);
        statuses.iter().map(|(status, count)| (*status, *count)).collect()
    }

    /// Does what the row says over all its connections, without an end.
    pub(crate) async fn run(&self) {
        let mut connections = Vec::new();
        for _ in 0..self.row.connections {
            connections.push(async {
                match self.row.action {
                    Action::Send(request) => self.send_without_end(request).await,
                    Action::Rotate => self.refresh_without_end().await,
                    Action::Open { listener, start, kept } => {
                        self.open_without_end(listener, &start(), kept / self.row.connections).await;
                    }
                }
            });
        }
        run_all(connections).await;
    }

    async fn send_without_end(&self, request: fn(&Identity, u64) -> Request) {
        let mut connection = AsyncConnection::from_source(self.identity.source, self.identity.target.address);
        loop {
            let number = self.actions.fetch_add(1, Ordering::Relaxed);
            self.send(&mut connection, &request(&self.identity, number)).await;
        }
    }

    async fn refresh_without_end(&self) {
        let mut connection = AsyncConnection::from_source(self.identity.source, self.identity.target.address);
        let mut token = self.identity.refresh_token.clone();
        loop {
            self.actions.fetch_add(1, Ordering::Relaxed);
            let request = Request::post("/v1/refresh").json(&json!({ "refresh_token": token }));
            let answer = self.send(&mut connection, &request).await.map(|response| response.json());
            let next = answer.and_then(|answer| answer["refresh_token"].as_str().map(str::to_owned));
            token = next.unwrap_or(token);
        }
    }

    /// Sends a request and counts the status of its response.
    async fn send(&self, connection: &mut AsyncConnection, request: &Request) -> Option<Response> {
        let response = connection.send(request).await.ok();
        let status = response.as_ref().map_or(0, |response| response.status);
        *self.statuses.lock().unwrap_or_else(PoisonError::into_inner).entry(status).or_default() += 1;
        response
    }

    async fn open_without_end(&self, listener: Listener, start: &[u8], kept: usize) {
        let (mut open, mut open_local) = (VecDeque::new(), VecDeque::new());
        loop {
            let target = &self.identity.target;
            let is_open = match listener {
                Listener::Public => keep(self.connect(target.address, start).await, &mut open, kept),
                Listener::Metrics => keep(self.connect(target.metrics, start).await, &mut open, kept),
                Listener::AdminSocket => {
                    keep(UnixStream::connect(&target.admin_socket).await.ok(), &mut open_local, kept)
                }
            };
            self.actions.fetch_add(is_open.into(), Ordering::Relaxed);
            // A connect that fails at once must not keep the other connections from running.
            tokio::task::yield_now().await;
        }
    }

    async fn connect(&self, address: std::net::SocketAddr, start: &[u8]) -> Option<TcpStream> {
        let mut stream = connect_from(self.identity.source, address).await.ok()?;
        // A server that reads nothing must not keep the attacker from connecting again.
        let write = stream.write_all(start);
        let _ = tokio::time::timeout(std::time::Duration::from_millis(20), write).await;
        Some(stream)
    }
}

/// Keeps a connection open in place of the oldest. Returns whether there is one.
fn keep<T>(connection: Option<T>, open: &mut VecDeque<T>, kept: usize) -> bool {
    let Some(connection) = connection else { return false };
    open.push_back(connection);
    while open.len() > kept {
        open.pop_front();
    }
    true
}

/// Runs the futures at the same time in this task.
async fn run_all(futures: Vec<impl Future<Output = ()>>) {
    let mut futures: Vec<_> = futures.into_iter().map(Box::pin).collect();
    std::future::poll_fn(|context| {
        let mut is_pending = false;
        for future in &mut futures {
            is_pending |= future.as_mut().poll(context).is_pending();
        }
        if is_pending { std::task::Poll::Pending } else { std::task::Poll::Ready(()) }
    })
    .await;
}
