//! What the feed counts.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;

use counterfoil_core::services::revocation_feed::SnapshotReason;

/// A label and its value. Always constants.
type Label = [(&'static str, &'static str); 1];

/// How a poll was answered, as the label `result`.
#[derive(Debug, Clone, Copy)]
pub(crate) enum PollResult {
    /// With entries, or with a snapshot.
    Entries,
    /// Without entries: nothing was revoked.
    Empty,
    /// Refused: the key sends too many polls, or has too many instances.
    Refused,
}

/// Counters of the feed since the start.
#[derive(Debug)]
pub(crate) struct FeedMetrics {
    /// Polls, by result.
    pub(crate) polls: Family<Label, Counter>,
    /// Snapshots that were begun, by reason.
    pub(crate) snapshots: Family<Label, Counter>,
    /// Polls whose instance had sent this number or a higher one before.
    pub(crate) repeated_polls: Counter,
    /// Polls that were served later, because their instance sent too many.
    pub(crate) delayed_polls: Counter,
    /// Waits for the fleet that were completed.
    pub(crate) fleet_waits: Counter,
    /// Instances whose lease ran out during a wait for the fleet.
    pub(crate) fleet_expired: Counter,
}

impl Default for FeedMetrics {
    fn default() -> Self {
        let metrics = Self {
            polls: Family::default(),
            snapshots: Family::default(),
            repeated_polls: Counter::default(),
            delayed_polls: Counter::default(),
            fleet_waits: Counter::default(),
            fleet_expired: Counter::default(),
        };
        // Every series starts at zero, so that a rate can be computed from the first event on.
        for result in [PollResult::Entries, PollResult::Empty, PollResult::Refused] {
            let _ = metrics.polls.get_or_create(&[("result", result.as_str())]);
        }
        for reason in SnapshotReason::ALL {
            let _ = metrics.snapshots.get_or_create(&[("reason", reason.as_str())]);
        }
        metrics
    }
}

impl FeedMetrics {
    /// Counts a poll.
    pub(crate) fn poll(&self, result: PollResult) {
        self.polls.get_or_create(&[("result", result.as_str())]).inc();
    }

    /// Counts a snapshot.
    pub(crate) fn snapshot(&self, reason: SnapshotReason) {
        self.snapshots.get_or_create(&[("reason", reason.as_str())]).inc();
    }
}

impl PollResult {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Entries => "entries",
            Self::Empty => "empty",
            Self::Refused => "refused",
        }
    }
}
