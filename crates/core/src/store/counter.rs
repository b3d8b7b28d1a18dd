//! Durable counters with a time window, for rate limits.

use std::time::Duration;

use counterfoil_jose::Time;

/// The key of a durable counter.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CounterKey(pub String);

/// An increment of a durable counter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CounterIncrement {
    /// The counter.
    pub key: CounterKey,
    /// The amount.
    pub amount: u32,
    /// The length of the window, if this increment starts one.
    pub window: Duration,
    /// Counts only if the previous increment in the list was counted and its value is at most this. Otherwise the counter
    /// stays as it is, and its current value is returned. So a source can add only a share to a counter of all sources.
    pub while_previous_at_most: Option<u32>,
}

/// The value of a durable counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CounterValue {
    /// The value in the current window.
    pub count: u64,
    /// When the window ends and the counter starts again at 0.
    pub resets_at: Time,
}
