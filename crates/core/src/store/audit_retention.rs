//! How much of the audit log a store keeps.

use std::num::NonZeroU64;
use std::time::Duration;

/// How long and how many audit events are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuditRetention {
    /// How long an event is kept.
    pub max_age: Duration,
    /// How many events are kept at most. `None`: no limit.
    pub max_events: Option<NonZeroU64>,
}

/// How many audit events a purge has removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PurgedEvents {
    /// Those older than [`AuditRetention::max_age`].
    pub expired: u64,
    /// The oldest of those above [`AuditRetention::max_events`].
    pub above_limit: u64,
}

impl PurgedEvents {
    /// All of them.
    pub fn total(self) -> u64 {
        self.expired + self.above_limit
    }
}
