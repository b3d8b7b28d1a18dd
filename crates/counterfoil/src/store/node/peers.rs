//! The other nodes, as this one sees them.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use counterfoil_core::services::revocation_feed::{NodeObserver, NodeProgress};
use counterfoil_core::store::{NodeRegistry, NodeRow, Store, StoreError};
use counterfoil_verify::RevocationPosition;
use tokio::time::{Instant, sleep};

/// Observes the rows of all nodes.
#[derive(Debug, Default)]
pub(crate) struct NodePeers(Mutex<NodeObserver>);

/// A node as this one sees it.
#[derive(Debug, Clone)]
pub(crate) struct NodeStatus {
    pub(crate) row: NodeRow,
    /// Whether it is this process.
    pub(crate) is_this: bool,
    /// Whether its counter has stood still for so long that it accepts nothing from memory.
    pub(crate) is_dead: bool,
}

/// How often it is looked whether a node renews.
const LOOK_INTERVAL: Duration = Duration::from_millis(50);

/// Whether another node renews its lease: it is waited for, for as long as the leases of all nodes last.
///
/// # Errors
///
/// If the store cannot be read.
pub(crate) async fn is_served_by_a_node(store: &dyn Store) -> Result<bool, StoreError> {
    let Some(registry) = store.node_registry() else { return Ok(false) };
    let first = registry.nodes().await?;
    let longest = first.iter().map(|row| row.lease).max().unwrap_or_default();
    let give_up_at = Instant::now() + longest;
    while !first.is_empty() && Instant::now() < give_up_at {
        sleep(LOOK_INTERVAL).await;
        let rows = registry.nodes().await?;
        let has_renewed =
            |row: &NodeRow| first.iter().any(|it| it.id == row.id && it.renewals < row.renewals);
        if rows.iter().any(has_renewed) {
            return Ok(true);
        }
    }
    Ok(false)
}

impl NodePeers {
    /// Reads the rows of all nodes. `uptime` is read after that.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub(crate) async fn list(
        &self,
        registry: &dyn NodeRegistry,
        uptime: impl Fn() -> Duration,
    ) -> Result<Vec<NodeStatus>, StoreError> {
        let rows = registry.nodes().await?;
        let now = uptime();
        let mut observer = self.observer();
        observer.observe(&rows, now);
        let own = registry.id();
        let status = |row: NodeRow| NodeStatus {
            is_this: row.id == own,
            is_dead: row.id != own && observer.is_dead(&row, now),
            row,
        };
        Ok(rows.into_iter().map(status).collect())
    }

    /// How far the other nodes are with `position`, which is committed.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub(crate) async fn progress(
        &self,
        registry: &dyn NodeRegistry,
        position: RevocationPosition,
        uptime: impl Fn() -> Duration,
    ) -> Result<NodeProgress, StoreError> {
        let rows = registry.nodes().await?;
        let now = uptime();
        let mut observer = self.observer();
        observer.observe(&rows, now);
        Ok(observer.progress(&rows, registry.id(), position, now))
    }

    fn observer(&self) -> MutexGuard<'_, NodeObserver> {
        // The observer is consistent after each of its methods, so a poisoned lock is safe to use.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
