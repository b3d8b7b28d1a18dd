//! The history of a workload: every operation with its start, its end and its outcome.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use serde_json::Value;

/// The time by `CLOCK_MONOTONIC`, comparable with the times in the I/O trace of the server.
pub fn monotonic_now() -> Duration {
    let now = clock_gettime(ClockId::Monotonic);
    let (seconds, nanos) = (u64::try_from(now.tv_sec), u32::try_from(now.tv_nsec));
    Duration::new(seconds.unwrap_or_default(), nanos.unwrap_or_default())
}

/// A request that changes state.
#[derive(Debug, Clone)]
pub enum Operation {
    /// Registers a user.
    Register {
        /// The username.
        user: String,
        /// The first password.
        password: String,
    },
    /// Logs a user in.
    Login {
        /// The username.
        user: String,
    },
    /// Exchanges a refresh token for its successor.
    Refresh {
        /// The id of the session.
        session: String,
        /// The refresh token that the client sends.
        refresh_token: String,
    },
    /// Ends one session, by logout or by an administrator.
    EndSession {
        /// The id of the session.
        session: String,
    },
    /// Ends all sessions of a user.
    EndAllSessions {
        /// The username.
        user: String,
    },
    /// Changes the password, which ends all other sessions of the user.
    ChangePassword {
        /// The username.
        user: String,
        /// The id of the session that sends the request and stays active, with new credentials.
        session: String,
        /// The new password.
        password: String,
    },
}

/// The session id and the credentials in a response.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IssuedCredentials {
    /// The id of the session; empty in the response to a refresh.
    pub session: String,
    /// Present in mode `session`.
    pub session_token: Option<String>,
    /// Present in modes `jwt` and `hybrid`.
    pub access_token: Option<String>,
    /// Present in mode `hybrid`.
    pub refresh_token: Option<String>,
}

impl IssuedCredentials {
    /// Reads the body of a response; members that are missing stay empty.
    pub fn from_json(body: &Value) -> Self {
        let text = |name: &str| body[name].as_str().map(str::to_owned);
        Self {
            session: body["session"]["id"].as_str().unwrap_or_default().to_owned(),
            session_token: text("session_token"),
            access_token: text("access_token"),
            refresh_token: text("refresh_token"),
        }
    }

    /// The token that the client sends as a bearer token: the session token, or else the access token.
    pub fn bearer_token(&self) -> Option<&str> {
        self.session_token.as_deref().or(self.access_token.as_deref())
    }
}

/// The outcome of an operation.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// The server acknowledged it, with these credentials.
    Acknowledged(IssuedCredentials),
    /// The server rejected it with this status and changed nothing; 0 if the server did not receive it.
    Rejected(u16),
    /// It may have been carried out: there is no complete response, or the response is a 5xx.
    Unknown,
}

/// One operation in the history.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The operation.
    pub operation: Operation,
    /// When the client sent it.
    pub started_at: Duration,
    /// When the client received the response, and the outcome.
    pub completed: Option<(Duration, Outcome)>,
}

impl Entry {
    /// The outcome as the client knew it at `time`; `None` if it had not sent the operation yet.
    pub fn outcome_at(&self, time: Duration) -> Option<&Outcome> {
        match &self.completed {
            _ if self.started_at > time => None,
            Some((at, outcome)) if *at <= time => Some(outcome),
            Some(_) | None => Some(&Outcome::Unknown),
        }
    }
}

/// All operations in the order of their start; shared by all clients.
#[derive(Debug, Default)]
pub struct History {
    entries: Mutex<Vec<Entry>>,
    unexpected_responses: Mutex<Vec<String>>,
}

impl History {
    /// Records the start of an operation and returns its index.
    pub fn start(&self, operation: Operation) -> usize {
        let mut entries = lock(&self.entries);
        // The time is read under the lock, so that entries are in the order of their times.
        entries.push(Entry { operation, started_at: monotonic_now(), completed: None });
        entries.len() - 1
    }

    /// Records the outcome of the operation at `index`.
    pub fn complete(&self, index: usize, outcome: Outcome) {
        let at = monotonic_now();
        lock(&self.entries)[index].completed = Some((at, outcome));
    }

    /// Records a response that the server must not give.
    pub fn record_unexpected_response(&self, description: String) {
        lock(&self.unexpected_responses).push(description);
    }

    /// The responses that the server must not give.
    pub fn unexpected_responses(&self) -> Vec<String> {
        lock(&self.unexpected_responses).clone()
    }

    /// All entries so far.
    pub fn entries(&self) -> Vec<Entry> {
        lock(&self.entries).clone()
    }

    /// The number of acknowledged operations.
    pub fn acknowledged_count(&self) -> usize {
        let is_acknowledged = |entry: &&Entry| matches!(entry.completed, Some((_, Outcome::Acknowledged(_))));
        lock(&self.entries).iter().filter(is_acknowledged).count()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Each update is a single push or assignment, so a panic of another thread leaves the data valid.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
