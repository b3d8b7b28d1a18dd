//! What is counted for whoever watches the server: counters in arrays, whose handle is their place.
//!
//! ```text
//!   striped         for the hottest paths: each thread counts on cache lines of its own
//!   verifications   around the authenticator: who was let in, and who was not
//!   journal         a witness of the store: what was committed, by kind and cause
//!   outcomes        how attempts of clients ended
//!   requests        every request, by route, method and status
//! ```
//!
//! Nothing is looked up at a request, and no label ever holds what a client chose: each is one of a few words.

mod events;
mod outcomes;
mod requests;
mod striped;
mod verifications;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

pub(crate) use events::JournalTally;
pub(crate) use outcomes::{Outcome, Outcomes};
pub(crate) use requests::{Requests, Route, known};
pub(crate) use verifications::{CARRIERS, Counting, OUTCOMES, Verifications};

/// Every counter of an installation that has no better place. Whoever counts holds it, or a part of it.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Who was let in, and who was not.
    pub(crate) verifications: Arc<Verifications>,
    /// What was committed.
    pub(crate) journal: Arc<JournalTally>,
    /// How logins ended.
    pub(crate) logins: Outcomes,
    /// How refreshes ended.
    pub(crate) refreshes: Outcomes,
    /// How registrations ended.
    pub(crate) registrations: Outcomes,
    /// How changes of the password ended.
    pub(crate) password_changes: Outcomes,
    /// Every request, by route.
    pub(crate) requests: Requests,
    /// The connections of the public listener.
    pub(crate) connections: Arc<ConnectionTally>,
}

/// The connections of a listener.
#[derive(Debug, Default)]
pub(crate) struct ConnectionTally {
    open: AtomicU64,
    refused: AtomicU64,
}

impl ConnectionTally {
    /// Counts a connection for as long as the result is held.
    pub(crate) fn open(self: &Arc<Self>) -> OpenConnection {
        self.open.fetch_add(1, Ordering::Relaxed);
        OpenConnection(Arc::clone(self))
    }

    /// How many are open, and how many were refused.
    pub(crate) fn counted(&self) -> (u64, u64) {
        (self.open.load(Ordering::Relaxed), self.refused.load(Ordering::Relaxed))
    }

    /// Counts a connection that there was no place for.
    pub(crate) fn refuse(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }
}

/// A connection that is counted as open, until this is dropped.
#[derive(Debug)]
pub(crate) struct OpenConnection(Arc<ConnectionTally>);

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}
