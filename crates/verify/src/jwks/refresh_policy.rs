//! Decides when to fetch keys and how long to use them, without I/O and without a clock.

use std::time::Duration;

use counterfoil_jose::Time;

/// How long keys are fresh if the issuer does not say.
const DEFAULT_FRESH: Duration = Duration::from_secs(300);

/// The wait after the first failed fetch; it doubles with each further failure.
const FIRST_RETRY: Duration = Duration::from_secs(1);

/// The longest wait after a failed fetch.
const MAX_RETRY: Duration = Duration::from_secs(60);

/// The part of the cooldown that always passes between two fetches for unknown keys.
const MIN_COOLDOWN_FRACTION: u32 = 30;

/// The limits on what the issuer's cache headers may ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RefreshLimits {
    /// Keys are fresh for at least this long, whatever the issuer says.
    pub(crate) min_fresh: Duration,
    /// Keys are fresh for at most this long, whatever the issuer says.
    pub(crate) max_fresh: Duration,
    /// How long stale keys are still used if fetching fails.
    pub(crate) stale_if_error: Duration,
    /// The least time between two fetches for unknown keys if the first brought no new keys.
    pub(crate) cooldown: Duration,
}

impl RefreshLimits {
    fn clamp(&self, max_age: Option<Duration>) -> Duration {
        max_age.unwrap_or(DEFAULT_FRESH).min(self.max_fresh).max(self.min_fresh)
    }
}

/// Why a request wants the keys to be fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RefreshRequest {
    /// A token names an unknown key. Anyone can write such a token.
    UnknownKey,
    /// There are no keys, or they are too old to be used.
    NoKeys,
    /// The revocation feed announces another key set. Only the issuer can cause that, so there is no cooldown.
    Announced,
}

/// What a request that wants keys must do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RefreshAdvice {
    /// Wait until this many fetches have completed.
    WaitForFetch(u64),
    /// Use the current keys: they must not be fetched again yet.
    UseCurrentKeys,
    /// Give up: the last fetch failed, and it is too early for the next one.
    Unavailable,
}

/// The state of the key refresh for one issuer.
///
/// Unauthenticated clients cannot control the load on the issuer: whatever tokens they send, there is at most
/// one fetch at a time, and at most one fetch for unknown keys without success in each cooldown. A fetch that
/// brings new keys ends the cooldown, because only the issuer can cause that. An issuer whose answers differ
/// each time, for example because its nodes disagree, would end every cooldown; therefore a thirtieth of it
/// always passes.
#[derive(Debug)]
pub(crate) struct RefreshPolicy {
    limits: RefreshLimits,
    /// Until when the keys may be used; `None` before the first successful fetch.
    valid_until: Option<Time>,
    /// When the next fetch is due without a request.
    due_at: Time,
    /// Before this time an unknown key causes no fetch.
    unknown_key_after: Time,
    /// Before this time missing keys cause no fetch.
    missing_keys_after: Time,
    /// The fetch that is requested and has not started.
    requested: Option<RefreshRequest>,
    /// The fetch in progress: when it started, and which request caused it.
    running: Option<(Time, Option<RefreshRequest>)>,
    fetches: u64,
    failures: u32,
}

impl RefreshPolicy {
    /// No keys are loaded, and the first fetch is due at once.
    pub(crate) const fn new(limits: RefreshLimits) -> Self {
        Self {
            limits,
            valid_until: None,
            due_at: Time::EPOCH,
            unknown_key_after: Time::EPOCH,
            missing_keys_after: Time::EPOCH,
            requested: None,
            running: None,
            fetches: 0,
            failures: 0,
        }
    }

    /// Until when the keys may be used; `None` before the first successful fetch.
    pub(crate) const fn valid_until(&self) -> Option<Time> {
        self.valid_until
    }

    /// The number of failed fetches since the last successful one.
    pub(crate) const fn consecutive_failures(&self) -> u32 {
        self.failures
    }

    /// The number of fetches that have started.
    pub(crate) const fn fetches(&self) -> u64 {
        self.fetches
    }

    /// Requests a fetch. All requests for the same fetch share it.
    pub(crate) fn request_refresh(&mut self, request: RefreshRequest, now: Time) -> RefreshAdvice {
        if self.running.is_some() {
            return RefreshAdvice::WaitForFetch(self.fetches);
        }
        if self.requested.is_some() {
            return RefreshAdvice::WaitForFetch(self.fetches + 1);
        }
        let allowed_from = match request {
            RefreshRequest::UnknownKey => self.unknown_key_after,
            RefreshRequest::NoKeys => self.missing_keys_after,
            RefreshRequest::Announced => Time::EPOCH,
        };
        if now >= allowed_from {
            self.requested = Some(request);
            return RefreshAdvice::WaitForFetch(self.fetches + 1);
        }
        if self.failures > 0 { RefreshAdvice::Unavailable } else { RefreshAdvice::UseCurrentKeys }
    }

    /// The time until the next fetch is due; zero if one is due now.
    pub(crate) fn time_until_fetch(&self, now: Time) -> Duration {
        if self.requested.is_some() { Duration::ZERO } else { self.due_at.since(now) }
    }

    /// Records that a fetch starts.
    pub(crate) fn start_fetch(&mut self, now: Time) {
        let request = self.requested.take();
        if request == Some(RefreshRequest::UnknownKey) {
            self.unknown_key_after = now + self.limits.cooldown;
        }
        self.running = Some((now, request));
        self.fetches += 1;
    }

    /// Records that the fetch in progress brought keys, `changed` or the same, which the issuer calls fresh
    /// for `max_age`. `jitter` is random, so that verifiers that started together do not fetch together.
    pub(crate) fn record_success(&mut self, max_age: Option<Duration>, changed: bool, jitter: u8, now: Time) {
        let (started_at, request) = self.running.take().unwrap_or((now, None));
        let fresh = self.limits.clamp(max_age);
        // Measured from the start of the fetch, because the keys may have changed while the response was on
        // its way.
        self.valid_until = Some(started_at + fresh + self.limits.stale_if_error);
        self.due_at = started_at + refresh_delay(fresh, jitter);
        if changed && request == Some(RefreshRequest::UnknownKey) {
            self.unknown_key_after = now.max(started_at + self.limits.cooldown / MIN_COOLDOWN_FRACTION);
        }
        self.failures = 0;
    }

    /// Records that the fetch in progress brought keys that are older than those announced since it started: they are
    /// fetched again at once.
    pub(crate) fn record_outdated(&mut self) {
        self.running = None;
        self.requested = Some(RefreshRequest::Announced);
    }

    /// Records that the fetch in progress failed. The current keys stay in use.
    pub(crate) fn record_failure(&mut self, jitter: u8, now: Time) {
        self.running = None;
        self.failures = self.failures.saturating_add(1);
        let doubled = FIRST_RETRY.saturating_mul(1 << self.failures.saturating_sub(1).min(10));
        let wait = doubled.min(MAX_RETRY).min(self.limits.max_fresh);
        self.due_at = now + wait + wait / 4 * u32::from(jitter) / 256;
        self.missing_keys_after = now + FIRST_RETRY.min(self.limits.cooldown);
    }
}

/// Three quarters to nineteen twentieths of `fresh`, so that keys are refreshed before they are stale.
fn refresh_delay(fresh: Duration, jitter: u8) -> Duration {
    fresh * 3 / 4 + fresh / 5 * u32::from(jitter) / 256
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOON: Time = Time::from_unix_seconds(1_764_000_000);
    const LIMITS: RefreshLimits = RefreshLimits {
        min_fresh: secs(60),
        max_fresh: secs(86_400),
        stale_if_error: secs(3600),
        cooldown: secs(30),
    };

    const fn secs(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    /// A policy with keys that were loaded at noon and are fresh for five minutes.
    fn loaded() -> RefreshPolicy {
        let mut policy = RefreshPolicy::new(LIMITS);
        policy.start_fetch(NOON);
        policy.record_success(Some(secs(300)), true, 0, NOON);
        policy
    }

    #[test]
    fn the_first_fetch_is_due_at_once_and_the_next_before_the_keys_are_stale() {
        assert_eq!(RefreshPolicy::new(LIMITS).time_until_fetch(NOON), Duration::ZERO);
        assert_eq!(loaded().time_until_fetch(NOON), secs(225));
        for jitter in 0..=255 {
            assert!((secs(225)..secs(286)).contains(&refresh_delay(secs(300), jitter)));
        }
    }

    #[test]
    fn cache_control_of_the_issuer_is_limited() {
        for (max_age, fresh) in [(Some(0), 60), (Some(300), 300), (Some(u64::MAX), 86_400), (None, 300)] {
            let mut policy = loaded();
            policy.start_fetch(NOON);
            policy.record_success(max_age.map(secs), false, 0, NOON);

            assert_eq!(policy.valid_until(), Some(NOON + secs(fresh) + LIMITS.stale_if_error), "{max_age:?}");
        }
    }

    #[test]
    fn requests_for_an_unknown_key_share_one_fetch() {
        let mut policy = loaded();

        assert_eq!(policy.request_refresh(RefreshRequest::UnknownKey, NOON), RefreshAdvice::WaitForFetch(2));
        assert_eq!(policy.time_until_fetch(NOON), Duration::ZERO);
        assert_eq!(policy.request_refresh(RefreshRequest::UnknownKey, NOON), RefreshAdvice::WaitForFetch(2));
        policy.start_fetch(NOON);
        assert_eq!(policy.request_refresh(RefreshRequest::UnknownKey, NOON), RefreshAdvice::WaitForFetch(2));
    }

    #[test]
    fn a_fetch_without_new_keys_starts_a_cooldown() {
        let mut policy = loaded();
        policy.request_refresh(RefreshRequest::UnknownKey, NOON);
        policy.start_fetch(NOON);
        policy.record_success(Some(secs(300)), false, 0, NOON + secs(1));

        assert_eq!(
            policy.request_refresh(RefreshRequest::UnknownKey, NOON + secs(29)),
            RefreshAdvice::UseCurrentKeys
        );
        assert_eq!(
            policy.request_refresh(RefreshRequest::UnknownKey, NOON + secs(30)),
            RefreshAdvice::WaitForFetch(3)
        );
    }

    #[test]
    fn a_fetch_with_new_keys_ends_the_cooldown() {
        let mut policy = loaded();
        policy.request_refresh(RefreshRequest::UnknownKey, NOON);
        policy.start_fetch(NOON);
        policy.record_success(Some(secs(300)), true, 0, NOON + secs(1));

        assert_eq!(
            policy.request_refresh(RefreshRequest::UnknownKey, NOON + secs(1)),
            RefreshAdvice::WaitForFetch(3)
        );
    }

    #[test]
    fn an_announced_key_set_is_fetched_in_the_cooldown_and_only_once_at_a_time() {
        let mut policy = loaded();
        policy.request_refresh(RefreshRequest::UnknownKey, NOON);
        policy.start_fetch(NOON);
        policy.record_success(Some(secs(300)), false, 0, NOON);

        assert_eq!(policy.request_refresh(RefreshRequest::Announced, NOON), RefreshAdvice::WaitForFetch(3));
        policy.start_fetch(NOON);
        assert_eq!(policy.request_refresh(RefreshRequest::Announced, NOON), RefreshAdvice::WaitForFetch(3));
        policy.record_outdated();
        assert_eq!(policy.time_until_fetch(NOON), Duration::ZERO);
    }

    #[test]
    fn an_issuer_whose_keys_change_each_time_is_fetched_at_most_once_a_second() {
        let mut policy = loaded();
        let before = policy.fetches();
        for ms in (0..10_000).step_by(10) {
            let now = NOON + Duration::from_millis(ms);
            if let RefreshAdvice::WaitForFetch(_) = policy.request_refresh(RefreshRequest::UnknownKey, now) {
                policy.start_fetch(now);
                policy.record_success(None, true, 0, now);
            }
        }

        assert_eq!(policy.fetches() - before, 10, "one fetch in each second, a thirtieth of the cooldown");
    }

    #[test]
    fn keys_stay_valid_after_failed_fetches_until_their_limit() {
        let mut policy = loaded();
        policy.start_fetch(NOON + secs(225));
        policy.record_failure(0, NOON + secs(230));

        assert_eq!(policy.valid_until(), Some(NOON + secs(300) + LIMITS.stale_if_error));
        assert_eq!(policy.time_until_fetch(NOON + secs(230)), secs(1));
    }

    #[test]
    fn failed_fetches_are_retried_with_exponential_backoff() {
        let mut policy = loaded();
        let mut waits = Vec::new();
        for _ in 0..8 {
            policy.start_fetch(NOON);
            policy.record_failure(0, NOON);
            waits.push(policy.time_until_fetch(NOON).as_secs());
        }

        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60]);
    }

    #[test]
    fn without_keys_a_request_causes_a_retry_after_a_second() {
        let mut policy = RefreshPolicy::new(LIMITS);
        policy.start_fetch(NOON);
        policy.record_failure(0, NOON);

        assert_eq!(policy.request_refresh(RefreshRequest::NoKeys, NOON), RefreshAdvice::Unavailable);
        assert_eq!(
            policy.request_refresh(RefreshRequest::NoKeys, NOON + secs(1)),
            RefreshAdvice::WaitForFetch(2)
        );
    }

    proptest! {
        /// R9: whatever is requested and whatever the issuer answers, unknown keys cause one fetch in a
        /// cooldown, and one more for each change of the issuer's keys.
        #[test]
        fn a_flood_of_unknown_keys_causes_one_fetch_in_each_cooldown(
            steps in prop::collection::vec((0_u64..3000, any::<bool>(), any::<bool>()), 1..400),
        ) {
            let mut policy = loaded();
            let (mut now, mut fetched, mut changes) = (NOON, 0_u64, 0_u64);
            for (ms, succeeds, changes_now) in steps {
                now = now + Duration::from_millis(ms);
                let before = policy.fetches();
                if let RefreshAdvice::WaitForFetch(_) = policy.request_refresh(RefreshRequest::UnknownKey, now) {
                    policy.start_fetch(now);
                    fetched += policy.fetches() - before;
                    changes += u64::from(succeeds && changes_now);
                    if succeeds {
                        policy.record_success(None, changes_now, 7, now);
                    } else {
                        policy.record_failure(7, now);
                    }
                }
            }
            let cooldowns = now.since(NOON).as_secs() / LIMITS.cooldown.as_secs() + 1;
            prop_assert!(fetched <= cooldowns + changes, "{fetched} > {cooldowns} + {changes}");
        }
    }
}
