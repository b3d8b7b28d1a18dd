//! Locks of jobs that must run on one node only, and the identity of a node.

use std::fmt;

use counterfoil_jose::random::RandomUnavailable;
use counterfoil_jose::{Time, base64url, random};

/// The identity of a node: a process that has the store open. Random, drawn at the start of the process; not a
/// secret.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId([u8; 16]);

impl NodeId {
    /// Draws a new identity.
    ///
    /// # Errors
    ///
    /// If the operating system provides no randomness.
    pub fn generate() -> Result<Self, RandomUnavailable> {
        random::bytes().map(Self)
    }

    /// The identity with these bytes.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&base64url::encode(self.0))
    }
}

impl fmt::Debug for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NodeId({self})")
    }
}

/// A lock of a job that must run on one node only. It expires by itself, so a node that crashes blocks a job only until
/// then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JobLock {
    /// The name of the job.
    pub job: &'static str,
    /// The node that holds the lock.
    pub holder: NodeId,
}

/// A change of a job lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobLockOp {
    /// Takes the lock until `until`, or renews it. Conflict: another node holds it at `now`.
    Take {
        /// The lock.
        lock: JobLock,
        /// The current time.
        now: Time,
        /// When it expires.
        until: Time,
    },
    /// Releases the lock, if this node holds it. It never conflicts.
    Release(JobLock),
}
