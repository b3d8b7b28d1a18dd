//! Limits how often the response to one refresh may be repeated.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use counterfoil_jose::Time;
use counterfoil_verify::SessionId;

/// How often one node repeats the response for one refresh counter.
pub const MAX_REPEATS: u32 = 64;

/// Counts repeated refresh responses in memory.
///
/// Without a limit, the thief of a used refresh token could get any number of access tokens within the grace period.
#[derive(Debug)]
pub struct RefreshReplayCounter {
    grace: Duration,
    counts: Mutex<ReplayCounts>,
    allowed: AtomicU64,
}

#[derive(Debug, Default)]
struct ReplayCounts {
    by_session: HashMap<SessionId, ReplayCount>,
    sweep_at: usize,
}

impl ReplayCounts {
    /// Removes the counts that are older than the grace period, whenever their number has doubled since the last sweep.
    fn sweep(&mut self, grace: Duration, now: Time) {
        if self.by_session.len() >= self.sweep_at {
            self.by_session.retain(|_, count| now.since(count.last) <= grace);
            self.sweep_at = (2 * self.by_session.len()).max(1024);
        }
    }
}

#[derive(Debug)]
struct ReplayCount {
    counter: u64,
    repeats: u32,
    last: Time,
}

impl RefreshReplayCounter {
    /// Creates a counter for a grace period of this length.
    pub fn new(grace: Duration) -> Self {
        Self { grace, counts: Mutex::default(), allowed: AtomicU64::new(0) }
    }

    /// Counts one more repetition for `counter`. False if there were [`MAX_REPEATS`] already.
    pub fn allow(&self, session: SessionId, counter: u64, now: Time) -> bool {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.sweep(self.grace, now);
        let count =
            counts.by_session.entry(session).or_insert(ReplayCount { counter, repeats: 0, last: now });
        if count.counter != counter {
            *count = ReplayCount { counter, repeats: 0, last: now };
        }
        count.last = now;
        count.repeats = count.repeats.saturating_add(1);
        let is_allowed = count.repeats <= MAX_REPEATS;
        self.allowed.fetch_add(u64::from(is_allowed), Ordering::Relaxed);
        is_allowed
    }

    /// How many repetitions were allowed so far.
    pub fn allowed(&self) -> u64 {
        self.allowed.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: Time = Time::from_unix_seconds(1_764_000_000);

    #[test]
    fn a_refresh_response_is_repeated_at_most_64_times() {
        let replay_counter = RefreshReplayCounter::new(Duration::from_secs(10));
        let session = SessionId::from_bytes([1; 16]);

        let allowed = (0..100).filter(|_| replay_counter.allow(session, 3, NOON)).count();

        assert_eq!(allowed, 64);
        assert!(replay_counter.allow(session, 4, NOON), "the next counter starts at zero");
        assert!(
            replay_counter.allow(SessionId::from_bytes([2; 16]), 3, NOON),
            "another session has its own count"
        );
    }

    #[test]
    fn counts_older_than_the_grace_period_are_removed() {
        let replay_counter = RefreshReplayCounter::new(Duration::from_secs(10));
        for n in 0..5000_u32 {
            let mut id = [0; 16];
            id[..4].copy_from_slice(&n.to_be_bytes());
            replay_counter.allow(SessionId::from_bytes(id), 1, NOON + Duration::from_secs(u64::from(n)));
        }

        assert!(replay_counter.counts.lock().unwrap().by_session.len() < 2048);
    }
}
