//! What clients asked for, and what they were answered, with the times of both.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use serde_json::Value;

/// The time of every record of a trial, ours and those of the disk: it never steps, and all processes share it.
pub fn now() -> Duration {
    let now = clock_gettime(ClockId::Monotonic);
    let (seconds, nanos) = (u64::try_from(now.tv_sec), u32::try_from(now.tv_nsec));
    Duration::new(seconds.unwrap_or_default(), nanos.unwrap_or_default())
}

/// What was asked for.
#[derive(Debug, Clone)]
pub enum Deed {
    /// An account.
    Register {
        /// Whose.
        user: String,
        /// The first password.
        password: String,
    },
    /// A login.
    Login {
        /// Whose.
        user: String,
    },
    /// The successor of a refresh token.
    Refresh {
        /// Of which login.
        session: String,
        /// The token that was shown.
        shown: String,
    },
    /// The end of one login, by its owner or by an administrator.
    End {
        /// Which.
        session: String,
    },
    /// The end of all logins of a user.
    EndAll {
        /// Whose.
        user: String,
    },
    /// Another password; all other logins of the user end with it.
    ChangePassword {
        /// Whose.
        user: String,
        /// The login that asks, and stays.
        session: String,
        /// What it is to be.
        password: String,
    },
}

/// The client's half of a login, as far as an answer told it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ticket {
    /// The name of the login; empty in the answer to a refresh.
    pub session: String,
    /// For a login in mode `session`.
    pub session_token: Option<String>,
    /// For the others.
    pub access_token: Option<String>,
    /// For the hybrid.
    pub refresh_token: Option<String>,
}

impl Ticket {
    /// From the body of an answer.
    pub fn of(body: &Value) -> Self {
        let text = |name: &str| body[name].as_str().map(str::to_owned);
        Self {
            session: body["session"]["id"].as_str().unwrap_or_default().to_owned(),
            session_token: text("session_token"),
            access_token: text("access_token"),
            refresh_token: text("refresh_token"),
        }
    }
}

/// What came of a deed.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// It was acknowledged, with this.
    Done(Ticket),
    /// It was refused, and nothing was changed.
    Refused(u16),
    /// It may have been carried out or not: no whole answer came, or one that says that the server could not.
    InDoubt,
}

/// One line.
#[derive(Debug, Clone)]
pub struct Entry {
    /// What was asked for.
    pub deed: Deed,
    /// When it was asked.
    pub asked: Duration,
    /// When it was answered, and what.
    pub answered: Option<(Duration, Outcome)>,
}

impl Entry {
    /// What a client knew of it at `point`; `None` if it had not asked.
    pub fn known_at(&self, point: Duration) -> Option<&Outcome> {
        match &self.answered {
            _ if self.asked > point => None,
            Some((at, outcome)) if *at <= point => Some(outcome),
            Some(_) | None => Some(&Outcome::InDoubt),
        }
    }
}

/// Every line, in the order of asking; shared by all clients.
#[derive(Debug, Default)]
pub struct Ledger {
    entries: Mutex<Vec<Entry>>,
    odd: Mutex<Vec<String>>,
}

impl Ledger {
    /// Writes down that something is being asked; gives the number of the line.
    pub fn ask(&self, deed: Deed) -> usize {
        let mut entries = lock(&self.entries);
        // Under the lock, so that the order of lines is that of times.
        entries.push(Entry { deed, asked: now(), answered: None });
        entries.len() - 1
    }

    /// Writes down what came of line `number`.
    pub fn answer(&self, number: usize, outcome: Outcome) {
        let at = now();
        lock(&self.entries)[number].answered = Some((at, outcome));
    }

    /// Writes down something that a server should not have answered.
    pub fn odd(&self, what: String) {
        lock(&self.odd).push(what);
    }

    /// What a server should not have answered.
    pub fn oddities(&self) -> Vec<String> {
        lock(&self.odd).clone()
    }

    /// All lines so far.
    pub fn entries(&self) -> Vec<Entry> {
        lock(&self.entries).clone()
    }

    /// How many deeds were acknowledged.
    pub fn done(&self) -> usize {
        let is_done = |entry: &&Entry| matches!(entry.answered, Some((_, Outcome::Done(_))));
        lock(&self.entries).iter().filter(is_done).count()
    }
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    // A line is written whole or not at all.
    of.lock().unwrap_or_else(PoisonError::into_inner)
}
