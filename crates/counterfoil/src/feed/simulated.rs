//! The feed of one process without HTTP, so that a simulation can drive it with a clock and a network of its own.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use http_body_util::BodyExt as _;

use counterfoil_core::model::verifier_key::VerifierKeyRecord;
use counterfoil_core::services::keys::keyring::Keyring;
use counterfoil_core::services::revocation_feed::{FleetProgress, VerifierPosition};
use counterfoil_core::store::{Store, StoreError};
use counterfoil_jose::Time;
use counterfoil_verify::{PollRequest as VerifierPoll, RevocationPosition, RevocationSubject};

use crate::clock::{Clock, ClockSource};
use crate::feed::Feed;
use crate::feed::poll::PollRequest;
use crate::settings::feed::FeedSettings;

/// The feed of one process. Dropping it with its futures is a crash; opening another one on the same store is the start after
/// that.
pub struct SimulatedFeed(Arc<Feed>);

impl SimulatedFeed {
    /// Opens the feed as a server does when it starts.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub async fn open(
        store: Arc<dyn Store>,
        clock: impl ClockSource,
        keys: Arc<Keyring>,
        settings: FeedSettings,
    ) -> Result<Self, StoreError> {
        let clock = Arc::new(Clock::start(clock, None, Time::EPOCH));
        Ok(Self(Arc::new(Feed::open(store, clock, keys, settings, None).await?)))
    }

    /// What the server does with a poll that has arrived: the body of the response, or `None` if it is refused.
    pub fn poll(
        &self,
        key: VerifierKeyRecord,
        poll: &VerifierPoll,
    ) -> impl Future<Output = Option<Vec<u8>>> + use<> {
        let feed = Arc::clone(&self.0);
        let request = PollRequest {
            instance: poll.instance.clone(),
            poll: poll.poll,
            position: VerifierPosition {
                after: poll.position.map(|position| position.after),
                log: poll.position.map(|position| position.log),
            },
            wait: Some(poll.wait),
            stale: poll.stale,
        };
        async move {
            let body = feed.poll(&key, request).await.ok()?;
            Some(body.collect().await.ok()?.to_bytes().to_vec())
        }
    }

    /// What the server does for `"wait": "fleet"` after the commit: `None` if it shuts down before.
    pub fn wait_for_fleet(
        &self,
        subject: RevocationSubject,
        position: RevocationPosition,
    ) -> impl Future<Output = Option<FleetProgress>> + use<> {
        let feed = Arc::clone(&self.0);
        async move { feed.wait_for_fleet(subject, position).await.ok() }
    }

    /// The periodic job that forgets what has expired at `now`.
    ///
    /// # Errors
    ///
    /// If the store cannot be written.
    pub async fn prune(&self, now: Time) -> Result<(), StoreError> {
        self.0.prune(now);
        self.0.forget_former_leases().await
    }

    /// Whether a future of this feed waits for the store, not for time or an event.
    pub fn is_storing(&self) -> bool {
        self.0.promised_lease.is_writing() || self.0.snapshot_pages.is_reading()
    }

    /// The longest time that a wait for the fleet can take.
    pub fn longest_wait(&self) -> std::time::Duration {
        self.0.longest_wait()
    }
}

impl fmt::Debug for SimulatedFeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimulatedFeed").finish_non_exhaustive()
    }
}
