//! Renews the lease of this node, and applies what other nodes have committed.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};

use counterfoil_core::services::administration;
use counterfoil_core::services::keys::keyring::Keyring;
use counterfoil_core::services::revoker::RevocationRetention;
use counterfoil_core::store::session_cache::shared::SharedSessions;
use counterfoil_core::store::session_cache::{Invalidation, MemorySessionCache, SessionCache};
use counterfoil_core::store::{CommitListener as _, NodeChange, NodeNews, NodeRenewal, Store, StoreError};
use counterfoil_jose::Time;
use counterfoil_verify::{Freshness, RevocationEntry, RevocationPosition, RevocationSubject};

use crate::clock::Clock;
use crate::feed::Feed;
use crate::runtime::error_chain::error_chain;
use crate::runtime::task::Task;
use crate::store::node::Node;
use crate::store::node::namesakes::Namesakes;

/// How often a lease is renewed while nothing happens.
const RENEWALS_PER_LEASE: u32 = 4;

/// The shortest time between two renewals, so that a series of commits does not become a series of renewals.
const MIN_INTERVAL: Duration = Duration::from_millis(10);

/// The time between two attempts while the store cannot be reached.
const RETRY_INTERVAL: Duration = Duration::from_millis(100);

/// The difference of two clocks from which on an operator should look at them: a fifth of the default grace period of a
/// refresh token. A node that is ahead of another one by all of it takes an honest repetition for a reuse.
const MAX_CLOCK_DIFFERENCE: Duration = Duration::from_secs(2);

/// Follows the store for this process.
pub(crate) struct NodeFollower {
    pub(crate) node: Arc<Node>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<Clock>,
    pub(crate) session_cache: Arc<MemorySessionCache>,
    pub(crate) shared_cache: Option<Arc<SharedSessions>>,
    pub(crate) keys: Arc<Keyring>,
    pub(crate) retention: Arc<RevocationRetention>,
    pub(crate) feed: Arc<Feed>,
    pub(crate) position: FollowedPosition,
}

/// Up to where this node has applied what was committed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FollowedPosition {
    /// The position of the revocation log.
    applied: RevocationPosition,
    /// The number of the change.
    last_change: u64,
    /// What the row of this node says: both positions and the number.
    written: (RevocationPosition, RevocationPosition, u64),
    has_wrong_clock: bool,
    /// Whether the row of this node is a new one that does not say yet what the former one did.
    has_rejoined: bool,
}

impl FollowedPosition {
    /// What this process knows before its first renewal: everything up to `applied` and `last_change`.
    pub(crate) fn new(applied: RevocationPosition, last_change: u64) -> Self {
        let written = (RevocationPosition::START, RevocationPosition::START, last_change);
        Self { applied, last_change, written, has_wrong_clock: false, has_rejoined: false }
    }
}

/// Why a lease was not renewed.
#[derive(Debug, thiserror::Error)]
enum RenewalError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("another node has taken this one for dead and removed it; it joins again")]
    Removed,
    #[error(
        "the store was rolled back or restored while this process was running: restart it, and do what it says"
    )]
    Replaced,
}

impl NodeFollower {
    /// Renews for the first time, so that this node answers from memory, and follows from then on.
    ///
    /// # Errors
    ///
    /// If the store cannot be read or written.
    pub(crate) async fn start(mut self) -> Result<Task, StoreError> {
        match self.renew().await {
            Ok(()) => {}
            Err(RenewalError::Store(error)) => return Err(error),
            Err(RenewalError::Removed | RenewalError::Replaced) => {
                let reason = "another process has replaced the store or removed this node";
                return Err(StoreError::Unavailable { reason, source: None });
            }
        }
        Ok(Task::spawn(self.run()))
    }

    async fn run(mut self) {
        let interval = self.node.lease.length() / RENEWALS_PER_LEASE;
        let mut has_failed = false;
        let (mut observed_at, mut namesakes) = (Instant::now(), Namesakes::default());
        loop {
            let next = Instant::now() + interval;
            sleep(MIN_INTERVAL).await;
            if !self.has_unwritten_position() {
                self.wait_for_news(next).await;
            }
            match self.renew().await {
                Ok(()) => {
                    if has_failed {
                        tracing::info!("this node has its lease again");
                    }
                    has_failed = false;
                }
                Err(error) => {
                    if !has_failed {
                        tracing::warn!(error = error_chain(&error), "the lease of this node was not renewed");
                    }
                    has_failed = true;
                    self.node.metrics.failed_renewals.inc();
                    self.recover(&error).await;
                    sleep(RETRY_INTERVAL).await;
                    continue;
                }
            }
            if observed_at.elapsed() >= self.node.lease.length() {
                observed_at = Instant::now();
                self.observe_nodes(&mut namesakes).await;
            }
        }
    }

    /// Whether other nodes wait for a position that this one has reached since its last renewal.
    fn has_unwritten_position(&self) -> bool {
        let FollowedPosition { applied, last_change, .. } = self.position;
        self.position.written != (applied, self.feed.confirmed_up_to(), last_change)
    }

    async fn wait_for_news(&self, until: Instant) {
        let Some(registry) = self.store.node_registry() else { return sleep_until(until).await };
        tokio::select! {
            () = sleep_until(until) => {}
            () = registry.announced() => {}
            () = self.node.wake.notified() => {}
        }
    }

    /// Renews once: the lease runs from before the transaction, and what it has read is applied before the lease is longer.
    async fn renew(&mut self) -> Result<(), RenewalError> {
        let store = Arc::clone(&self.store);
        let Some(registry) = store.node_registry() else { return Ok(()) };
        let (began_at, began_time) = (self.clock.uptime(), self.clock.now());
        let confirmed = self.feed.confirmed_up_to();
        let FollowedPosition { applied, last_change, .. } = self.position;
        let renewal = NodeRenewal { applied, confirmed, last_change };
        let news = registry.renew(&renewal).await?.ok_or(RenewalError::Removed)?;
        if news.log != self.feed.log() || news.head < applied {
            return Err(RenewalError::Replaced);
        }
        self.compare_clocks(clock_difference(began_time, self.clock.now(), news.store_clock));
        self.position.written = (applied, confirmed, last_change);
        self.node.set_written(confirmed);
        if self.position.has_rejoined {
            self.restore_row().await?;
        }
        let is_complete = news.is_complete;
        self.apply(news).await?;
        if !is_complete {
            // The next renewal follows at once, because the row does not say yet what was applied.
            return Ok(());
        }
        self.node.lease.renew(began_at);
        let fresh_until = began_time + self.node.lease.length();
        self.session_cache.revocations().set_freshness(Freshness::Until(fresh_until));
        self.node.metrics.renewals.inc();
        Ok(())
    }

    /// Completes a new row, before the lease is renewed: it promises nothing, and what was changed before the join is not
    /// numbered for this node.
    async fn restore_row(&mut self) -> Result<(), StoreError> {
        self.feed.promise_again().await?;
        administration::raise_retention(&*self.store, &self.retention).await?;
        if let Err(error) = self.keys.reload().await {
            tracing::error!(error = error_chain(&error), "the keys cannot be loaded");
        }
        self.position.has_rejoined = false;
        Ok(())
    }

    /// Makes news visible to every thread: what may be in the memory of this node first, then the head of the log.
    async fn apply(&mut self, news: NodeNews) -> Result<(), StoreError> {
        let (mut has_keys, mut has_lifetimes) = (false, false);
        for change in &news.changes {
            match change {
                NodeChange::Invalidate(invalidation) => self.invalidate(*invalidation),
                NodeChange::Keys => has_keys = true,
                NodeChange::Lifetimes => has_lifetimes = true,
            }
        }
        if has_lifetimes {
            administration::raise_retention(&*self.store, &self.retention).await?;
        }
        news.entries.iter().filter_map(invalidated_by).for_each(|it| self.invalidate(it));
        if !news.entries.is_empty() {
            self.session_cache.revocations().publish(&news.entries, news.head);
        }
        if news.head > self.position.applied {
            self.feed.publish_followed(&news.entries, news.head);
            self.position.applied = news.head;
        }
        if has_keys && let Err(error) = self.keys.reload().await {
            // A revoked key is in the revocation log too. The job of the rotation loads the keys again.
            tracing::error!(error = error_chain(&error), "the changed keys of another node cannot be loaded");
        }
        self.node.metrics.applied_changes.inc_by(news.changes.len() as u64);
        self.position.last_change = news.last_change;
        Ok(())
    }

    /// In the shared cache first: a request that notes the version of the memory afterwards finds the change there.
    fn invalidate(&self, invalidation: Invalidation) {
        if let Some(shared_cache) = &self.shared_cache {
            shared_cache.invalidate(invalidation);
        }
        self.session_cache.invalidate(invalidation);
    }

    /// Warns if the clock of this node differs much from that of the database, and so from those of other nodes.
    fn compare_clocks(&mut self, difference: Duration) {
        let is_wrong = difference > MAX_CLOCK_DIFFERENCE;
        if is_wrong && !self.position.has_wrong_clock {
            tracing::warn!(
                seconds = difference.as_secs(),
                "the clock of this node and that of the database differ; nodes whose clocks differ expire tokens at different times, and \
                 take a repeated refresh for a reuse"
            );
        }
        self.position.has_wrong_clock = is_wrong;
    }

    /// What a failed renewal needs beyond another attempt.
    async fn recover(&mut self, error: &RenewalError) {
        match error {
            RenewalError::Store(_) => {}
            RenewalError::Replaced => {
                if self.node.lease.end() {
                    tracing::error!(
                        error = error_chain(error),
                        "this node accepts nothing until it is restarted"
                    );
                }
            }
            RenewalError::Removed => {
                let Some(registry) = self.store.node_registry() else { return };
                match registry.join(&self.node.name, self.node.lease.length()).await {
                    Ok(last_change) => {
                        // Changes since the removal are not numbered for this node.
                        if let Some(shared_cache) = &self.shared_cache {
                            shared_cache.on_failure();
                        }
                        self.session_cache.on_failure();
                        self.position.last_change = last_change;
                        self.position.has_rejoined = true;
                    }
                    Err(error) => tracing::debug!(%error, "this node cannot join again"),
                }
            }
        }
    }

    /// Removes nodes that accept nothing any more, so that no later wait for the fleet looks at them, and reports those that have
    /// the name of this one.
    async fn observe_nodes(&self, namesakes: &mut Namesakes) {
        let Some(registry) = self.store.node_registry() else { return };
        let nodes = match self.node.peers.list(registry, || self.clock.uptime()).await {
            Ok(nodes) => nodes,
            Err(error) => return tracing::debug!(%error, "the nodes cannot be read"),
        };
        self.node.metrics.set_nodes(nodes.len());
        for id in namesakes.observe(&nodes) {
            tracing::warn!(
                node = self.node.name,
                %id,
                "another node has the name of this one, so both save one clock checkpoint, and continue from the clock that \
                 was saved last; give each node its own `node.name`, and restart it"
            );
        }
        for node in nodes.iter().filter(|node| node.is_dead) {
            let row = &node.row;
            match registry.remove(row.id, row.renewals).await {
                Ok(()) => {
                    self.node.metrics.removed_nodes.inc();
                    tracing::warn!(node = row.name, id = %row.id, "a node that no longer renews was removed");
                }
                Err(error) => tracing::debug!(%error, "a dead node cannot be removed"),
            }
        }
    }
}

/// How much a clock that was read between `before` and `after` certainly differs from that one.
fn clock_difference(before: Time, after: Time, between: Time) -> Duration {
    before.since(between).max(between.since(after))
}

/// The cached sessions that an entry of the revocation log revokes.
fn invalidated_by(entry: &RevocationEntry) -> Option<Invalidation> {
    match &entry.subject {
        RevocationSubject::Session(session) => Some(Invalidation::Session(*session)),
        RevocationSubject::User(user) => Some(Invalidation::User(*user)),
        RevocationSubject::Client(_) | RevocationSubject::Everyone => Some(Invalidation::All),
        RevocationSubject::Token(_) | RevocationSubject::Key(_) => None,
    }
}

/// Joins the nodes of `store`, before anything is read that is kept in memory. Returns the number of the last change; `None`
/// if this process is the only one that can have the store open.
///
/// # Errors
///
/// If the store cannot be written.
pub(crate) async fn join(store: &dyn Store, node: &Node) -> Result<Option<u64>, StoreError> {
    match store.node_registry() {
        Some(registry) => registry.join(&node.name, node.lease.length()).await.map(Some),
        None => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_differs_if_it_was_read_outside_of_the_time_of_the_renewal() {
        let at = |seconds: u64| Time::from_unix_seconds(1_764_000_000 + seconds);
        for (between, expected) in [(7, 3), (10, 0), (12, 0), (14, 0), (19, 5)] {
            assert_eq!(
                clock_difference(at(10), at(14), at(between)),
                Duration::from_secs(expected),
                "{between}"
            );
        }
    }
}
