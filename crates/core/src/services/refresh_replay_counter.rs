//! How often one turn was answered again: a lost answer is lost a few times, not for ever.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use counterfoil_jose::Time;
use counterfoil_verify::SessionId;

/// The most Holds and Repeats of one turn on one node.
pub const MAX_REPEATS: u32 = 64;

/// Counts in memory the answers that were given again.
///
/// A thief who has a token of the grace window cannot mint access tokens from it without end.
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
    /// Sweeps out what is older than the window, whenever there is twice as much as was left last time.
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
    answers: u32,
    last: Time,
}

impl RefreshReplayCounter {
    /// Counts for windows of this length.
    pub fn new(grace: Duration) -> Self {
        Self { grace, counts: Mutex::default(), allowed: AtomicU64::new(0) }
    }

    /// Counts one more answer of `counter`; false if there were [`MAX_REPEATS`] already.
    pub fn allow(&self, session: SessionId, counter: u64, now: Time) -> bool {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.sweep(self.grace, now);
        let count =
            counts.by_session.entry(session).or_insert(ReplayCount { counter, answers: 0, last: now });
        if count.counter != counter {
            *count = ReplayCount { counter, answers: 0, last: now };
        }
        count.last = now;
        count.answers = count.answers.saturating_add(1);
        let is_allowed = count.answers <= MAX_REPEATS;
        self.allowed.fetch_add(u64::from(is_allowed), Ordering::Relaxed);
        is_allowed
    }

    /// How many answers were given again so far.
    pub fn allowed(&self) -> u64 {
        self.allowed.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: Time = Time::from_unix_seconds(1_764_000_000);

    #[test]
    fn a_turn_is_answered_again_sixty_four_times() {
        let replay_counter = RefreshReplayCounter::new(Duration::from_secs(10));
        let session = SessionId::from_bytes([1; 16]);

        let allowed = (0..100).filter(|_| replay_counter.allow(session, 3, NOON)).count();

        assert_eq!(allowed, 64);
        assert!(replay_counter.allow(session, 4, NOON), "the next turn counts anew");
        assert!(replay_counter.allow(SessionId::from_bytes([2; 16]), 3, NOON), "so does another session");
    }

    #[test]
    fn what_is_over_is_forgotten() {
        let replay_counter = RefreshReplayCounter::new(Duration::from_secs(10));
        for n in 0..5000_u32 {
            let mut id = [0; 16];
            id[..4].copy_from_slice(&n.to_be_bytes());
            replay_counter.allow(SessionId::from_bytes(id), 1, NOON + Duration::from_secs(u64::from(n)));
        }

        assert!(replay_counter.counts.lock().unwrap().by_session.len() < 2048);
    }
}
