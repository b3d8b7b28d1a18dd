//! The client that uses the server as fast as it can.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::json;
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpStream, UnixStream};
use tokio::task::{JoinSet, yield_now};
use tokio::time::timeout;

use crate::bystander::identity::Identity;
use crate::bystander::row::{Action, Listener, Row};
use crate::http::{Request, Response};
use crate::load::{AsyncConnection, connect_from};

/// How long the attacker waits for a server that does not read.
const MAX_WRITE: Duration = Duration::from_millis(20);

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
    pub(crate) async fn run(self: Arc<Self>) {
        let mut connections = JoinSet::new();
        for _ in 0..self.row.connections {
            connections.spawn(Arc::clone(&self).use_connection());
        }
        connections.join_all().await;
    }

    async fn use_connection(self: Arc<Self>) {
        match self.row.action {
            Action::Send(request) => self.send_without_end(request).await,
            Action::Rotate => self.refresh_without_end().await,
            Action::Open { listener, start, kept } => {
                self.open_without_end(listener, &start(), kept / self.row.connections).await;
            }
        }
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
            yield_now().await;
        }
    }

    async fn connect(&self, address: SocketAddr, start: &[u8]) -> Option<TcpStream> {
        let mut stream = connect_from(self.identity.source, address).await.ok()?;
        // A server that reads nothing must not keep the attacker from connecting again.
        let write = stream.write_all(start);
        let _ = timeout(MAX_WRITE, write).await;
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
