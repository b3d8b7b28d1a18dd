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

/// How often the rows of the other nodes are read, at first and later.
const FIRST_NODE_LOOK: Duration = Duration::from_millis(5);
const MAX_NODE_LOOK: Duration = Duration::from_millis(80);

/// How long the rows may be unreadable before a wait gives up.
const MAX_UNREADABLE: Duration = Duration::from_secs(10);

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
                break;
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
        let mut progress = wait.progress(&self.leases(), self.uptime());
        progress.expired += tokio::select! {
            dead = self.wait_for_nodes(position) => dead?,
            _ = published.wait_for(|published| published.is_closed) => return Err(FeedError::WaitInterrupted),
        };
        self.metrics.fleet_waits.inc();
        self.metrics.fleet_expired.inc_by(progress.expired as u64);
        Ok(progress)
    }

    /// Waits until every other node has the position in force, with all verifiers that poll it, or is dead. Returns how many
    /// are dead: nothing is accepted there.
    async fn wait_for_nodes(&self, position: RevocationPosition) -> Result<usize, FeedError> {
        let (Some(node), Some(registry)) = (&self.node, self.store.node_registry()) else { return Ok(0) };
        let (mut interval, mut failing_since) = (FIRST_NODE_LOOK, None);
        loop {
            match node.peers.progress(registry, position, || self.uptime()).await {
                Ok(progress) if progress.waiting == 0 => return Ok(progress.expired),
                Ok(_) => failing_since = None,
                // Whether another node has it can be read again in a moment.
                Err(error) => {
                    let now = self.uptime();
                    if now.saturating_sub(*failing_since.get_or_insert(now)) > MAX_UNREADABLE {
                        return Err(error.into());
                    }
                }
            }
            sleep(interval).await;
            interval = (interval * 2).min(MAX_NODE_LOOK);
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
