//! What the feed knows of the verifiers that follow it, for lists and metrics.

use std::time::Duration;

use counterfoil_core::services::revocation_feed::{Follower, Instance};
use counterfoil_jose::Time;
use counterfoil_verify::RevocationPosition;

use crate::feed::Feed;

/// A verifier that follows the feed, or did so until some minutes ago.
#[derive(Debug, Clone)]
pub(crate) struct FollowerStatus {
    /// Its key and instance.
    pub(crate) follower: Follower,
    /// Up to where it has acknowledged.
    pub(crate) acknowledged: RevocationPosition,
    /// How many entries it has not acknowledged, as far as they are in memory.
    pub(crate) lag_entries: usize,
    /// How long ago the first of them was published.
    pub(crate) lag: Duration,
    /// How much of its lease is left; zero if it has run out.
    pub(crate) lease_left: Duration,
    /// When its first poll arrived.
    pub(crate) first_polled_at: Time,
    /// When its last poll arrived.
    pub(crate) polled_at: Time,
}

/// The verifiers in numbers.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct FollowerCounts {
    /// How many have a lease.
    pub(crate) fresh: usize,
    /// Of how many the lease has run out in the last minutes.
    pub(crate) stale: usize,
    /// The longest lag of those with a lease.
    pub(crate) max_lag: Duration,
}

impl Feed {
    /// Every verifier that has or had a lease, in no order.
    pub(crate) fn followers(&self) -> Vec<FollowerStatus> {
        let instances: Vec<(Follower, Instance)> = self
            .leases()
            .instances()
            .map(|(key, id, instance)| (Follower { key, instance: id.clone() }, instance.clone()))
            .collect();
        let (uptime, now) = (self.uptime(), self.clock.now());
        instances.into_iter().map(|(follower, it)| self.status(follower, &it, uptime, now)).collect()
    }

    fn status(&self, follower: Follower, instance: &Instance, uptime: Duration, now: Time) -> FollowerStatus {
        let (lag_entries, published_at) = self.publication.lag_of(instance.acknowledged);
        let time_of = |at: Duration| now - uptime.saturating_sub(at);
        FollowerStatus {
            follower,
            acknowledged: instance.acknowledged,
            lag_entries,
            lag: published_at.map_or(Duration::ZERO, |at| uptime.saturating_sub(at)),
            lease_left: instance.leased_until.saturating_sub(uptime),
            first_polled_at: time_of(instance.first_polled_at),
            polled_at: time_of(instance.polled_at),
        }
    }

    /// The verifiers in numbers.
    pub(crate) fn follower_counts(&self) -> FollowerCounts {
        let mut counts = FollowerCounts::default();
        for follower in self.followers() {
            if follower.lease_left.is_zero() {
                counts.stale += 1;
            } else {
                counts.fresh += 1;
                counts.max_lag = counts.max_lag.max(follower.lag);
            }
        }
        counts
    }

    /// How many event streams are open.
    pub(crate) fn open_streams(&self) -> usize {
        self.streams.len()
    }

    /// How many polls wait.
    pub(crate) fn waiting_polls(&self) -> usize {
        self.waiting.len()
    }
}
