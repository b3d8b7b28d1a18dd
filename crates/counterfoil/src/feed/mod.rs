//! The revocation feed: sends the revocation log to the verifiers that follow it, and waits until all of them have it.
//!
//! What decides is in `counterfoil_core::services::revocation_feed`, without a clock. [`Feed`] does the waiting and the
//! reading around it.

pub(crate) mod body;
pub(crate) mod error;
pub(crate) mod followers;
pub(crate) mod introspections;
pub(crate) mod key_set_hash;
pub(crate) mod metrics;
pub(crate) mod poll;
pub(crate) mod promised_lease;
pub(crate) mod publication;
pub(crate) mod recent_entries;
pub(crate) mod running_waits;
#[cfg(feature = "test-util")]
pub(crate) mod simulated;
pub(crate) mod snapshot_pages;
pub(crate) mod status_lists;
pub(crate) mod stream;
pub(crate) mod wait_for_fleet;
pub(crate) mod waiting;

#[cfg(test)]
mod tests;

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use counterfoil_core::credentials::verifier_key::VerifierKeyId;
use counterfoil_core::services::keys::keyring::Keyring;
use counterfoil_core::services::revocation_feed::{
    Confirmations, INTROSPECTION_LEASE, IntrospectionLeases, LeaseTable, issuer_lease,
};
use counterfoil_core::services::window_counters::WindowCounters;
use counterfoil_core::store::{Store, StoreError};
use counterfoil_jose::Time;
use counterfoil_verify::{RevocationEntry, RevocationLogId, RevocationPosition};

use crate::clock::Clock;
use crate::feed::error::FeedError;
use crate::feed::key_set_hash::KeySetHash;
use crate::feed::metrics::FeedMetrics;
use crate::feed::promised_lease::PromisedLease;
use crate::feed::publication::Publication;
use crate::feed::running_waits::FleetWaits;
use crate::feed::snapshot_pages::SnapshotPages;
use crate::feed::waiting::WaitingPolls;
use crate::limits::open_streams::OpenStreams;
use crate::settings::feed::FeedSettings;
use crate::store::node::Node;

/// The feed of this process, and what it knows of the verifiers that follow it.
pub(crate) struct Feed {
    settings: FeedSettings,
    log: RevocationLogId,
    clock: Arc<Clock>,
    publication: Arc<Publication>,
    store: Arc<dyn Store>,
    snapshot_pages: SnapshotPages,
    key_set: KeySetHash,
    leases: Mutex<LeaseTable>,
    /// `None` if this process is the only one that has the store open.
    node: Option<Arc<Node>>,
    /// Locked before the leases.
    confirmations: Mutex<Confirmations>,
    waiting: WaitingPolls,
    streams: OpenStreams<VerifierKeyId>,
    poll_rate: WindowCounters<VerifierKeyId>,
    waits: FleetWaits,
    promised_lease: PromisedLease,
    introspections: IntrospectionLeases,
    /// The uptime of the last alarm, in milliseconds; 0 before the first.
    alarmed_at_ms: AtomicU64,
    pub(crate) metrics: FeedMetrics,
}

impl Feed {
    /// Opens the feed of `store` and receives every later commit.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub(crate) async fn open(
        store: Arc<dyn Store>,
        clock: Arc<Clock>,
        keys: Arc<Keyring>,
        settings: FeedSettings,
        node: Option<Arc<Node>>,
    ) -> Result<Self, StoreError> {
        let publication = Arc::new(Publication::new(Arc::clone(&clock), node.clone()));
        // Before the head is read: a commit in between is received twice, never missed.
        store.subscribe(Arc::clone(&publication) as _);
        let head = store.revocation_log_head().await?;
        publication.start(head);
        let promised_lease = PromisedLease::load(Arc::clone(&store), clock.uptime()).await?;
        let leases = LeaseTable::new(settings.max_instances_per_key);
        // A wait for the fleet on another node may have begun before this one joined.
        let mut confirmations = Confirmations::default();
        confirmations.published(head, &leases, promised_lease.former_leases_end(), clock.uptime());
        Ok(Self {
            settings,
            log: store.revocation_log_id().await?,
            publication,
            key_set: KeySetHash::new(keys),
            node,
            confirmations: Mutex::new(confirmations),
            leases: Mutex::new(leases),
            waiting: WaitingPolls::default(),
            streams: OpenStreams::default(),
            poll_rate: WindowCounters::default(),
            waits: FleetWaits::default(),
            promised_lease,
            introspections: IntrospectionLeases::default(),
            snapshot_pages: SnapshotPages::new(Arc::clone(&store)),
            store,
            alarmed_at_ms: AtomicU64::new(0),
            metrics: FeedMetrics::default(),
            clock,
        })
    }

    /// Ends every waiting poll and every wait for the fleet, now and later: the server shuts down.
    pub(crate) fn close(&self) {
        self.publication.close();
    }

    /// Removes entries whose credentials have all expired at `now`, which is confirmed, and instances that have gone long
    /// ago.
    pub(crate) fn prune(&self, now: Time) {
        self.publication.prune(now);
        self.leases().prune(self.uptime());
    }

    /// Forgets leases of former processes that have run out.
    ///
    /// # Errors
    ///
    /// If the store cannot be written.
    pub(crate) async fn forget_former_leases(&self) -> Result<(), StoreError> {
        self.promised_lease.forget_former_leases(self.uptime()).await
    }

    /// The time since the machine was started, including suspend: every lease is counted by it.
    pub(crate) fn uptime(&self) -> Duration {
        self.clock.uptime()
    }

    /// The longest time that a wait for the fleet can take.
    pub(crate) fn longest_wait(&self) -> Duration {
        let longest = (self.settings.lease + self.settings.max_stale).max(self.promised_lease.at_start());
        // Of another node that is cut off, both leases must run out.
        let node = self.node.as_ref().map_or(Duration::ZERO, |node| node.lease.length());
        issuer_lease(longest.max(INTROSPECTION_LEASE)) + issuer_lease(node)
    }

    /// The id of the revocation log.
    pub(crate) fn log(&self) -> RevocationLogId {
        self.log
    }

    /// Publishes what was read from the store: every entry after the published head, up to `head`.
    pub(crate) fn publish_followed(&self, entries: &[RevocationEntry], head: RevocationPosition) {
        self.publication.publish(entries, head);
        // After the publication: an introspection that does not see it has been recorded before.
        let relied_on_until = self.promised_lease.former_leases_end().max(self.introspections.end());
        let mut confirmations = self.confirmations();
        let leases = self.leases();
        confirmations.published(head, &leases, relied_on_until, self.uptime());
    }

    /// Up to where every verifier that polls this node has the revocations.
    pub(crate) fn confirmed_up_to(&self) -> RevocationPosition {
        let mut confirmations = self.confirmations();
        let leases = self.leases();
        confirmations.confirmed(&leases, self.uptime())
    }

    /// Whether a verifier may rely on a response of this process: its lease, or that of an introspection, has not run out.
    pub(crate) fn has_promised(&self) -> bool {
        let now = self.uptime();
        now < self.introspections.end() || self.leases().instances().any(|(_, _, it)| it.has_lease(now))
    }

    /// Notes again what this process has promised to verifiers, after its row was removed.
    ///
    /// # Errors
    ///
    /// If the store cannot be written.
    pub(crate) async fn promise_again(&self) -> Result<(), StoreError> {
        self.promised_lease.promise_again().await
    }

    /// An error if what was read from memory before this call may be outdated.
    fn check_node_lease(&self) -> Result<(), FeedError> {
        match &self.node {
            Some(node) if !node.lease.is_held() => Err(FeedError::NodeLease),
            Some(_) | None => Ok(()),
        }
    }

    fn confirmations(&self) -> MutexGuard<'_, Confirmations> {
        // They are consistent after each method, so a poisoned lock is safe to use.
        self.confirmations.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn leases(&self) -> MutexGuard<'_, LeaseTable> {
        // The table is consistent after each of its methods, so a poisoned lock is safe to use.
        self.leases.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
