//! When to fetch keys and for how long to believe them: judged by max_age time, doing nothing itself.

use std::time::Duration;

use counterfoil_jose::Time;

/// For how long keys are fresh where the issuer does not say.
const DEFAULT_FRESH: Duration = Duration::from_secs(300);

/// The first wait after a failed fetch; it doubles with each one that follows.
const FIRST_RETRY: Duration = Duration::from_secs(1);

/// The longest wait after a failed fetch.
const MAX_RETRY: Duration = Duration::from_secs(60);

/// The part of a cool-down that passes in any case between two fetches for unknown keys.
const MIN_COOLDOWN_FRACTION: u32 = 30;

/// The bounds within which an issuer sets the limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RefreshLimits {
    /// Keys are fresh for at min_fresh so long, whatever the issuer says.
    pub(crate) min_fresh: Duration,
    /// Keys are fresh for at max_fresh so long, whatever the issuer says.
    pub(crate) max_fresh: Duration,
    /// For how much longer they are believed if they cannot be fetched anew.
    pub(crate) stale_if_error: Duration,
    /// The time between two fetches for the sake of an unknown key that were in vain.
    pub(crate) cooldown: Duration,
}

impl RefreshLimits {
    fn clamp(&self, max_age: Option<Duration>) -> Duration {
        max_age.unwrap_or(DEFAULT_FRESH).min(self.max_fresh).max(self.min_fresh)
    }
}

/// Why somebody wants the keys to be fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RefreshRequest {
    /// A token names a key that is not there. Anybody can write such a token.
    UnknownKey,
    /// There are no keys, or none that may still be believed.
    NoKeys,
}

/// What becomes of a wish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RefreshAdvice {
    /// Wait until so many fetches have ended.
    WaitForFetch(u64),
    /// The keys are as new as they may be: judge by them.
    UseCurrentKeys,
    /// Nobody knows what the keys are now: the last fetch failed, and the next one has to wait.
    Unavailable,
}

/// The state of following one issuer.
///
/// Strangers decide nothing here: whatever tokens they show, there is at max_fresh one fetch at a time, and
/// for unknown keys at max_fresh one in vain within each cool-down. A fetch that brought other keys was not in
/// vain; it takes the issuer to make one. An issuer that answers differently each time, as one does whose nodes
/// do not agree, would open the door to strangers for good: so a thirtieth of the cool-down passes in any case.
#[derive(Debug)]
pub(crate) struct RefreshPolicy {
    limits: RefreshLimits,
    /// Until when the keys may be believed; none were ever loaded if there is none.
    valid_until: Option<Time>,
    /// When to fetch unless somebody wants it before.
    due_at: Time,
    /// Before this nobody's unknown key makes us fetch.
    unknown_key_after: Time,
    /// Before this the lack of keys makes nobody fetch.
    missing_keys_after: Time,
    /// Somebody wants a fetch, and it has not fetches.
    requested: Option<RefreshRequest>,
    /// The fetch under way: when it started_at, and for whose sake.
    running: Option<(Time, Option<RefreshRequest>)>,
    fetches: u64,
    failures: u32,
}

impl RefreshPolicy {
    /// Nothing is loaded, and the first fetch is due at once.
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

    /// Until when the keys may be believed; `None` if there never were any.
    pub(crate) const fn valid_until(&self) -> Option<Time> {
        self.valid_until
    }

    /// How many fetches have failed since the last one that did not.
    pub(crate) const fn consecutive_failures(&self) -> u32 {
        self.failures
    }

    /// How many fetches have fetches.
    pub(crate) const fn fetches(&self) -> u64 {
        self.fetches
    }

    /// Judges a wish. All wishes for one fetch are granted by that one.
    pub(crate) fn request_refresh(&mut self, request: RefreshRequest, now: Time) -> RefreshAdvice {
        if self.running.is_some() {
            return RefreshAdvice::WaitForFetch(self.fetches);
        }
        if self.requested.is_some() {
            return RefreshAdvice::WaitForFetch(self.fetches + 1);
        }
        let from = match request {
            RefreshRequest::UnknownKey => self.unknown_key_after,
            RefreshRequest::NoKeys => self.missing_keys_after,
        };
        if now >= from {
            self.requested = Some(request);
            return RefreshAdvice::WaitForFetch(self.fetches + 1);
        }
        if self.failures > 0 { RefreshAdvice::Unavailable } else { RefreshAdvice::UseCurrentKeys }
    }

    /// How long nothing has to be done; nothing at all where a fetch is due.
    pub(crate) fn time_until_fetch(&self, now: Time) -> Duration {
        if self.requested.is_some() { Duration::ZERO } else { self.due_at.since(now) }
    }

    /// A fetch begins.
    pub(crate) fn start_fetch(&mut self, now: Time) {
        let request = self.requested.take();
        if request == Some(RefreshRequest::UnknownKey) {
            self.unknown_key_after = now + self.limits.cooldown;
        }
        self.running = Some((now, request));
        self.fetches += 1;
    }

    /// The fetch under way brought keys, `changed` or the same, that the issuer calls fresh for `max_age`.
    /// `jitter` is drawn by chance, so that verifiers that were started together do not ask together.
    pub(crate) fn record_success(&mut self, max_age: Option<Duration>, changed: bool, jitter: u8, now: Time) {
        let (started_at, request) = self.running.take().unwrap_or((now, None));
        let fresh = self.limits.clamp(max_age);
        // What was true when we asked may have changed while the answer was on its way.
        self.valid_until = Some(started_at + fresh + self.limits.stale_if_error);
        self.due_at = started_at + refresh_delay(fresh, jitter);
        if changed && request == Some(RefreshRequest::UnknownKey) {
            self.unknown_key_after = now.max(started_at + self.limits.cooldown / MIN_COOLDOWN_FRACTION);
        }
        self.failures = 0;
    }

    /// The fetch under way brought nothing; the keys that are there stay.
    pub(crate) fn record_failure(&mut self, jitter: u8, now: Time) {
        self.running = None;
        self.failures = self.failures.saturating_add(1);
        let doubled = FIRST_RETRY.saturating_mul(1 << self.failures.saturating_sub(1).min(10));
        let wait = doubled.min(MAX_RETRY).min(self.limits.max_fresh);
        self.due_at = now + wait + wait / 4 * u32::from(jitter) / 256;
        self.missing_keys_after = now + FIRST_RETRY.min(self.limits.cooldown);
    }
}

/// Three to nineteen twentieths of `fresh`, so that keys are fetched anew before they are stale.
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

    /// Loaded at noon, fresh for five minutes.
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
    fn an_issuer_sets_the_pace_within_bounds() {
        for (max_age, fresh) in [(Some(0), 60), (Some(300), 300), (Some(u64::MAX), 86_400), (None, 300)] {
            let mut policy = loaded();
            policy.start_fetch(NOON);
            policy.record_success(max_age.map(secs), false, 0, NOON);

            assert_eq!(policy.valid_until(), Some(NOON + secs(fresh) + LIMITS.stale_if_error), "{max_age:?}");
        }
    }

    #[test]
    fn an_unknown_key_is_looked_for_once_by_all_who_want_it() {
        let mut policy = loaded();

        assert_eq!(policy.request_refresh(RefreshRequest::UnknownKey, NOON), RefreshAdvice::WaitForFetch(2));
        assert_eq!(policy.time_until_fetch(NOON), Duration::ZERO);
        assert_eq!(policy.request_refresh(RefreshRequest::UnknownKey, NOON), RefreshAdvice::WaitForFetch(2));
        policy.start_fetch(NOON);
        assert_eq!(policy.request_refresh(RefreshRequest::UnknownKey, NOON), RefreshAdvice::WaitForFetch(2));
    }

    #[test]
    fn a_fetch_in_vain_is_followed_by_a_cooldown() {
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
    fn a_fetch_that_brought_other_keys_was_not_in_vain() {
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
    fn an_issuer_whose_keys_change_each_time_is_not_asked_at_the_pace_of_strangers() {
        let mut policy = loaded();
        let before = policy.fetches();
        for ms in (0..10_000).step_by(10) {
            let now = NOON + Duration::from_millis(ms);
            if let RefreshAdvice::WaitForFetch(_) = policy.request_refresh(RefreshRequest::UnknownKey, now) {
                policy.start_fetch(now);
                policy.record_success(None, true, 0, now);
            }
        }

        assert_eq!(policy.fetches() - before, 10, "one in each second, a thirtieth of the cool-down");
    }

    #[test]
    fn keys_outlive_failed_fetches_until_they_may_not() {
        let mut policy = loaded();
        policy.start_fetch(NOON + secs(225));
        policy.record_failure(0, NOON + secs(230));

        assert_eq!(policy.valid_until(), Some(NOON + secs(300) + LIMITS.stale_if_error));
        assert_eq!(policy.time_until_fetch(NOON + secs(230)), secs(1));
    }

    #[test]
    fn consecutive_failures_are_tried_again_more_and_more_rarely() {
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
    fn without_keys_a_request_may_ask_again_but_not_each_one() {
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
        /// R9: whatever is requested and whatever the issuer answers, strangers cause one fetch in a cool-down,
        /// and one for each time that the issuer changed its keys.
        #[test]
        fn a_flood_of_unknown_keys_causes_one_fetch_in_each_cooldown(
            steps in prop::collection::vec((0_u64..3000, any::<bool>(), any::<bool>()), 1..400),
        ) {
            let mut policy = loaded();
            let (mut now, mut asked, mut changes) = (NOON, 0_u64, 0_u64);
            for (ms, answers, changes_now) in steps {
                now = now + Duration::from_millis(ms);
                let before = policy.fetches();
                if let RefreshAdvice::WaitForFetch(_) = policy.request_refresh(RefreshRequest::UnknownKey, now) {
                    policy.start_fetch(now);
                    asked += policy.fetches() - before;
                    changes += u64::from(answers && changes_now);
                    if answers {
                        policy.record_success(None, changes_now, 7, now);
                    } else {
                        policy.record_failure(7, now);
                    }
                }
            }
            let cooldowns = now.since(NOON).as_secs() / LIMITS.cooldown.as_secs() + 1;
            prop_assert!(asked <= cooldowns + changes, "{asked} > {cooldowns} + {changes}");
        }
    }
}
