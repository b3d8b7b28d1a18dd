//! Waits until a revocation is in force at every verifier that follows the feed.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use counterfoil_core::services::revocation_feed::{FleetProgress, FleetWait};
use counterfoil_verify::{RevocationPosition, RevocationSubject};

use crate::feed::Feed;
use crate::feed::error::FeedError;
use crate::feed::running_waits::RunningWait;

/// How often a wait looks at the clock at least. A sleep does not count the time of a suspend, leases do.
const LOOK_INTERVAL: Duration = Duration::from_millis(250);

impl Feed {
    /// Waits until no verifier that follows the feed accepts what was revoked at `position`, which is published.
    ///
    /// # Errors
    ///
    /// [`FeedError::WaitInterrupted`] if the server shuts down before.
    pub(crate) async fn wait_for_fleet(
        &self,
        subject: RevocationSubject,
        position: RevocationPosition,
    ) -> Result<FleetProgress, FeedError> {
        self.publication.catch_up(&*self.store, position).await?;
        // After the publication: an introspection that does not see it has been recorded before.
        let not_before = self.promised_lease.former_leases_end().max(self.introspections.end());
        let wait = Arc::new(FleetWait::start(&self.leases(), position, not_before, self.uptime()));
        let registration = self.waits.register(subject, Arc::clone(&wait));
        let mut published = self.publication.subscribe();
        loop {
            // Before the leases are read: an acknowledgement in between is not missed.
            let acknowledgements = registration.acknowledgements();
            let progress = wait.progress(&self.leases(), self.uptime());
            let now = self.uptime();
            if progress.is_over(now) {
                self.metrics.fleet_waits.inc();
                self.metrics.fleet_expired.inc_by(progress.expired as u64);
                return Ok(progress);
            }
            let until_expiry = progress.next_expiry.map_or(LOOK_INTERVAL, |at| at.saturating_sub(now));
            tokio::select! {
                () = registration.acknowledged(acknowledgements, progress.waiting.max(1)) => {}
                () = sleep(until_expiry.min(LOOK_INTERVAL)) => {}
                _ = published.wait_for(|published| published.is_closed) => {
                    return Err(FeedError::WaitInterrupted);
                }
            }
        }
    }

    /// The waits in progress and how far each one is.
    pub(crate) fn fleet_waits(&self) -> Vec<(RunningWait, FleetProgress)> {
        let waits = self.waits.all();
        let (leases, now) = (self.leases(), self.uptime());
        waits
            .into_iter()
            .map(|wait| {
                let progress = wait.wait.progress(&leases, now);
                (wait, progress)
            })
            .collect()
    }
}
