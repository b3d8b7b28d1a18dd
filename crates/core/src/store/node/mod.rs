//! The nodes: processes that serve from one store, and what they learn of the commits of the others.

mod change;

use std::time::Duration;

use async_trait::async_trait;

use counterfoil_jose::Time;
use counterfoil_verify::{RevocationEntry, RevocationLogId, RevocationPosition};

use crate::store::StoreError;
use crate::store::job_lock::NodeId;

pub use change::{MAX_ACCESS_LIFETIME, NodeChange};

/// The registry of the nodes of a store that several processes have open.
///
/// A row has counters and no times: clocks of different machines cannot be compared. An observer counts from the moment at
/// which it has seen a value first.
#[async_trait]
pub trait NodeRegistry: Send + Sync {
    /// The identity of this process.
    fn id(&self) -> NodeId;

    /// Inserts the row of this process. A row of this process that exists is kept.
    ///
    /// Returns the number of the newest change: what this process reads from the store from now on contains it.
    ///
    /// # Errors
    ///
    /// If the store cannot be written.
    async fn join(&self, name: &str, lease: Duration) -> Result<u64, StoreError>;

    /// Commits a higher counter in the row of this process on the primary, and then reads what is new. `None` if there is no
    /// row: another node has taken this process for dead and removed it.
    ///
    /// The order matters: what was committed before another process has read the former counter is in the result.
    ///
    /// # Errors
    ///
    /// If the transaction was not confirmed. Then the lease must not be renewed.
    async fn renew(&self, renewal: &NodeRenewal) -> Result<Option<NodeNews>, StoreError>;

    /// Makes it durable that this process promises leases of this length to verifiers. It must be called before the first
    /// response that promises one.
    ///
    /// # Errors
    ///
    /// If it could not be stored, or if there is no row. Then the lease must not be promised.
    async fn promise(&self, lease: Duration) -> Result<(), StoreError>;

    /// The rows of all nodes, in the order of their names.
    ///
    /// # Errors
    ///
    /// If the primary cannot be read.
    async fn nodes(&self) -> Result<Vec<NodeRow>, StoreError>;

    /// Removes the row of a node with its job locks, if its counter still has this value.
    ///
    /// # Errors
    ///
    /// If the store cannot be written.
    async fn remove(&self, node: NodeId, renewals: u64) -> Result<(), StoreError>;

    /// Removes the row of this process with its job locks. Only if no verifier relies on a response of it any more: a wait
    /// for the fleet on another node would not wait for that verifier.
    ///
    /// # Errors
    ///
    /// If the store cannot be written.
    async fn leave(&self) -> Result<(), StoreError>;

    /// Waits until every other node has applied what is committed now, or answers nothing from memory any more.
    ///
    /// # Errors
    ///
    /// If the store cannot be read, or if a node that renews its lease has not applied it within a limit.
    async fn wait_until_applied(&self) -> Result<(), StoreError>;

    /// Waits until a commit of another process was announced. It may also return without one, and an announcement may be
    /// lost: only [`renew`](Self::renew) says what is new.
    async fn announced(&self);
}

/// The row of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeRow {
    /// The process. It draws a new id at each start.
    pub id: NodeId,
    /// The name, for people. Two nodes may have the same.
    pub name: String,
    /// Rises with each renewal.
    pub renewals: u64,
    /// Up to where every revocation is in force on this node.
    pub applied: RevocationPosition,
    /// Up to where every revocation is also in force at the verifiers that poll this node.
    pub confirmed: RevocationPosition,
    /// How long the node answers from memory after it began a renewal.
    pub lease: Duration,
    /// The longest lease that the node has promised to a verifier.
    pub promised: Duration,
    /// The last change that the node has applied.
    pub last_change: u64,
}

/// What a node writes with a renewal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeRenewal {
    /// Up to where every revocation is in force on this node. The entries after it are read.
    pub applied: RevocationPosition,
    /// Up to where every revocation is also in force at its verifiers.
    pub confirmed: RevocationPosition,
    /// The last change that this node has applied. The changes after it are read.
    pub last_change: u64,
}

/// What a renewal has read. Everything that was committed before the renewal began is in it, if it is complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeNews {
    /// The id of the revocation log. Another one than before: the store was restored.
    pub log: RevocationLogId,
    /// The next entries of the revocation log after [`NodeRenewal::applied`], by any process.
    pub entries: Vec<RevocationEntry>,
    /// Up to where the entries are: the head of the revocation log, if they are complete.
    pub head: RevocationPosition,
    /// What other processes have changed.
    pub changes: Vec<NodeChange>,
    /// The number of the last of the changes that were read.
    pub last_change: u64,
    /// Whether nothing is left to be read. If not, the lease must not be renewed.
    pub is_complete: bool,
    /// The wall clock of the database server, by which nodes can tell that their own is wrong. Nothing else is decided by it.
    pub store_clock: Time,
}
