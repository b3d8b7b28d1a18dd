//! A transaction: what a commit expects, and what it changes.

use counterfoil_jose::Time;
use counterfoil_verify::{ClientId, SessionId, UserId};

use crate::credentials::admin_key::AdminKeyId;
use crate::model::username::Skeletons;
use crate::store::change::Change;
use crate::store::job_lock::JobLock;

/// What one commit expects and changes. A store applies all of it or nothing.
///
/// ```
/// use counterfoil_core::store::{Change, Expectation, Transaction};
/// use counterfoil_verify::UserId;
///
/// let user = UserId::from_bytes([1; 16]);
/// let transaction = Transaction::new([Change::set_metadata("key", vec![1])])
///     .expecting([Expectation::Epoch(user, 3)]);
/// assert_eq!((transaction.expect.len(), transaction.changes.len()), (1, 1));
/// ```
#[derive(Debug, Clone, Default)]
pub struct Transaction {
    /// What must hold before the first change.
    pub expect: Vec<Expectation>,
    /// The changes, in their order. Each sees the effect of the changes before it.
    pub changes: Vec<Change>,
}

impl Transaction {
    /// A transaction with these changes that expects nothing.
    pub fn new(changes: impl Into<Vec<Change>>) -> Self {
        Self { expect: Vec::new(), changes: changes.into() }
    }

    /// The same transaction with further expectations.
    #[must_use]
    pub fn expecting(mut self, expectations: impl IntoIterator<Item = Expectation>) -> Self {
        self.expect.extend(expectations);
        self
    }

    /// The newest time at which something happened according to the changes. Times in the future, such as
    /// expiry times, do not count.
    pub fn newest_time(&self) -> Time {
        self.changes.iter().map(Change::newest_time).max().unwrap_or_default()
    }
}

impl From<Vec<Change>> for Transaction {
    fn from(changes: Vec<Change>) -> Self {
        Self::new(changes)
    }
}

impl<const N: usize> From<[Change; N]> for Transaction {
    fn from(changes: [Change; N]) -> Self {
        Self::new(changes)
    }
}

/// What must hold before the changes of a transaction are applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expectation {
    /// The user has this epoch.
    Epoch(UserId, u64),
    /// The client has this revision.
    ClientRevision(ClientId, u64),
    /// The session is active at this time.
    ActiveSession(SessionId, Time),
    /// The admin key exists.
    AdminKey(AdminKeyId),
    /// No user has a username with one of these skeletons.
    NoLookAlike(Skeletons),
    /// The node holds the lock of the job at this time.
    JobLock(JobLock, Time),
}
