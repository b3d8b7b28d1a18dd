//! How long the verification of a password takes in each scheme in use, so that refusals do not tell the scheme.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The number of recent verifications of a scheme that are kept.
const RECENT: usize = 16;

/// A scheme without a verification for this long is not in use any more: its users have logged in, and have new hashes.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// The maximum number of schemes and costs that are kept.
const MAX_SCHEMES: usize = 64;

/// The longest delay of a refusal. The costliest hash that may be imported takes less on most machines.
const MAX_DELAY: Duration = Duration::from_secs(10);

/// The times of recent verifications, by scheme and cost.
#[derive(Debug, Default)]
pub(super) struct SchemeTimes(Mutex<HashMap<String, RecentTimes>>);

#[derive(Debug)]
struct RecentTimes {
    times: [Duration; RECENT],
    next: usize,
    last: Instant,
}

impl SchemeTimes {
    /// Records that the verification of a hash of `scheme` took this long.
    pub(super) fn record(&self, scheme: &str, took: Duration, now: Instant) {
        let mut schemes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        schemes.retain(|_, recent| now.saturating_duration_since(recent.last) < FORGOTTEN_AFTER);
        if !schemes.contains_key(scheme) {
            if schemes.len() >= MAX_SCHEMES {
                return;
            }
            let recent = RecentTimes { times: [Duration::ZERO; RECENT], next: 0, last: now };
            schemes.insert(scheme.to_owned(), recent);
        }
        if let Some(recent) = schemes.get_mut(scheme) {
            recent.times[recent.next % RECENT] = took;
            recent.next += 1;
            recent.last = now;
        }
    }

    /// Whether the time of a scheme is known.
    pub(super) fn contains(&self, scheme: &str) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains_key(scheme)
    }

    /// How long a refusal still has to wait: until the slowest recent verification of any scheme would have ended.
    pub(super) fn remaining(&self, verified_in: Duration) -> Duration {
        let schemes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let slowest = schemes.values().flat_map(|recent| recent.times).max().unwrap_or_default();
        slowest.min(MAX_DELAY).saturating_sub(verified_in)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn a_refusal_waits_for_the_slowest_scheme_in_use() {
        let (times, now) = (SchemeTimes::default(), Instant::now());
        assert_eq!(times.remaining(Duration::ZERO), Duration::ZERO);
        times.record("$argon2id", ms(40), now);
        times.record("$2b$12", ms(600), now);

        assert_eq!(times.remaining(ms(40)), ms(560));
        assert_eq!(times.remaining(ms(600)), Duration::ZERO);
        assert_eq!(times.remaining(ms(700)), Duration::ZERO);
    }

    #[test]
    fn a_slow_verification_is_forgotten_after_many_faster_ones() {
        let (times, now) = (SchemeTimes::default(), Instant::now());
        times.record("$argon2id", ms(900), now);
        for _ in 0..RECENT {
            times.record("$argon2id", ms(40), now);
        }

        assert_eq!(times.remaining(Duration::ZERO), ms(40));
    }

    #[test]
    fn an_unused_scheme_is_forgotten() {
        let (times, now) = (SchemeTimes::default(), Instant::now());
        times.record("$2b$12", ms(600), now);

        times.record("$argon2id", ms(40), now + FORGOTTEN_AFTER);

        assert_eq!(times.remaining(Duration::ZERO), ms(40));
    }

    #[test]
    fn the_number_of_schemes_and_the_delay_are_bounded() {
        let (times, now) = (SchemeTimes::default(), Instant::now());
        for cost in 0..200 {
            times.record(&format!("pbkdf2_sha256${cost}"), Duration::from_secs(3600), now);
        }

        assert_eq!(times.0.lock().unwrap().len(), MAX_SCHEMES);
        assert_eq!(times.remaining(Duration::ZERO), MAX_DELAY);
    }
}
