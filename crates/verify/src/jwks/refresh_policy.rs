//! When to fetch keys and for how long to believe them: judged by told time, doing nothing itself.

use std::time::Duration;

use counterfoil_jose::Time;

/// For how long keys are fresh where the issuer does not say.
const UNSAID: Duration = Duration::from_secs(300);

/// The first wait after a failed fetch; it doubles with each one that follows.
const FIRST_RETRY: Duration = Duration::from_secs(1);

/// The longest wait after a failed fetch.
const LAST_RETRY: Duration = Duration::from_secs(60);

/// The part of a cool-down that passes in any case between two fetches for unknown keys.
const LEAST_COOL_DOWN: u32 = 30;

/// The bounds within which an issuer sets the pace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pace {
    /// Keys are fresh for at least so long, whatever the issuer says.
    pub(crate) least: Duration,
    /// Keys are fresh for at most so long, whatever the issuer says.
    pub(crate) most: Duration,
    /// For how much longer they are believed if they cannot be fetched anew.
    pub(crate) stale: Duration,
    /// The time between two fetches for the sake of an unknown key that were in vain.
    pub(crate) cool_down: Duration,
}

impl Pace {
    fn clamped(&self, told: Option<Duration>) -> Duration {
        told.unwrap_or(UNSAID).min(self.most).max(self.least)
    }
}

/// Why somebody wants the keys to be fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Want {
    /// A token names a key that is not there. Anybody can write such a token.
    UnknownKey,
    /// There are no keys, or none that may still be believed.
    AnyKeys,
}

/// What becomes of a wish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Advice {
    /// Wait until so many fetches have ended.
    Wait(u64),
    /// The keys are as new as they may be: judge by them.
    AsTheyAre,
    /// Nobody knows what the keys are now: the last fetch failed, and the next one has to wait.
    Unknown,
}

/// The state of following one issuer.
///
/// Strangers decide nothing here: whatever tokens they show, there is at most one fetch at a time, and
/// for unknown keys at most one in vain within each cool-down. A fetch that brought other keys was not in
/// vain; it takes the issuer to make one. An issuer that answers differently each time, as one does whose nodes
/// do not agree, would open the door to strangers for good: so a thirtieth of the cool-down passes in any case.
#[derive(Debug)]
pub(crate) struct Schedule {
    pace: Pace,
    /// Until when the keys may be believed; none were ever loaded if there is none.
    good_until: Option<Time>,
    /// When to fetch unless somebody wants it before.
    due_at: Time,
    /// Before this nobody's unknown key makes us fetch.
    cool_until: Time,
    /// Before this the lack of keys makes nobody fetch.
    retry_at: Time,
    /// Somebody wants a fetch, and it has not begun.
    wanted: Option<Want>,
    /// The fetch under way: when it began, and for whose sake.
    running: Option<(Time, Option<Want>)>,
    begun: u64,
    failures: u32,
}

impl Schedule {
    /// Nothing is loaded, and the first fetch is due at once.
    pub(crate) const fn new(pace: Pace) -> Self {
        Self {
            pace,
            good_until: None,
            due_at: Time::EPOCH,
            cool_until: Time::EPOCH,
            retry_at: Time::EPOCH,
            wanted: None,
            running: None,
            begun: 0,
            failures: 0,
        }
    }

    /// Until when the keys may be believed; `None` if there never were any.
    pub(crate) const fn good_until(&self) -> Option<Time> {
        self.good_until
    }

    /// How many fetches have failed since the last one that did not.
    pub(crate) const fn failures(&self) -> u32 {
        self.failures
    }

    /// How many fetches have begun.
    pub(crate) const fn begun(&self) -> u64 {
        self.begun
    }

    /// Judges a wish. All wishes for one fetch are granted by that one.
    pub(crate) fn want(&mut self, want: Want, now: Time) -> Advice {
        if self.running.is_some() {
            return Advice::Wait(self.begun);
        }
        if self.wanted.is_some() {
            return Advice::Wait(self.begun + 1);
        }
        let from = match want {
            Want::UnknownKey => self.cool_until,
            Want::AnyKeys => self.retry_at,
        };
        if now >= from {
            self.wanted = Some(want);
            return Advice::Wait(self.begun + 1);
        }
        if self.failures > 0 { Advice::Unknown } else { Advice::AsTheyAre }
    }

    /// How long nothing has to be done; nothing at all where a fetch is due.
    pub(crate) fn rest(&self, now: Time) -> Duration {
        if self.wanted.is_some() { Duration::ZERO } else { self.due_at.since(now) }
    }

    /// A fetch begins.
    pub(crate) fn begin(&mut self, now: Time) {
        let want = self.wanted.take();
        if want == Some(Want::UnknownKey) {
            self.cool_until = now + self.pace.cool_down;
        }
        self.running = Some((now, want));
        self.begun += 1;
    }

    /// The fetch under way brought keys, `changed` or the same, that the issuer calls fresh for `told`.
    /// `jitter` is drawn by chance, so that verifiers that were started together do not ask together.
    pub(crate) fn succeed(&mut self, told: Option<Duration>, changed: bool, jitter: u8, now: Time) {
        let (began, want) = self.running.take().unwrap_or((now, None));
        let fresh = self.pace.clamped(told);
        // What was true when we asked may have changed while the answer was on its way.
        self.good_until = Some(began + fresh + self.pace.stale);
        self.due_at = began + early(fresh, jitter);
        if changed && want == Some(Want::UnknownKey) {
            self.cool_until = now.max(began + self.pace.cool_down / LEAST_COOL_DOWN);
        }
        self.failures = 0;
    }

    /// The fetch under way brought nothing; the keys that are there stay.
    pub(crate) fn fail(&mut self, jitter: u8, now: Time) {
        self.running = None;
        self.failures = self.failures.saturating_add(1);
        let doubled = FIRST_RETRY.saturating_mul(1 << self.failures.saturating_sub(1).min(10));
        let wait = doubled.min(LAST_RETRY).min(self.pace.most);
        self.due_at = now + wait + wait / 4 * u32::from(jitter) / 256;
        self.retry_at = now + FIRST_RETRY.min(self.pace.cool_down);
    }
}

/// Three to nineteen twentieths of `fresh`, so that keys are fetched anew before they are stale.
fn early(fresh: Duration, jitter: u8) -> Duration {
    fresh * 3 / 4 + fresh / 5 * u32::from(jitter) / 256
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOON: Time = Time::from_unix_seconds(1_764_000_000);
    const PACE: Pace = Pace { least: secs(60), most: secs(86_400), stale: secs(3600), cool_down: secs(30) };

    const fn secs(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    /// Loaded at noon, fresh for five minutes.
    fn loaded() -> Schedule {
        let mut schedule = Schedule::new(PACE);
        schedule.begin(NOON);
        schedule.succeed(Some(secs(300)), true, 0, NOON);
        schedule
    }

    #[test]
    fn the_first_fetch_is_due_at_once_and_the_next_before_the_keys_are_stale() {
        assert_eq!(Schedule::new(PACE).rest(NOON), Duration::ZERO);
        assert_eq!(loaded().rest(NOON), secs(225));
        for jitter in 0..=255 {
            assert!((secs(225)..secs(286)).contains(&early(secs(300), jitter)));
        }
    }

    #[test]
    fn an_issuer_sets_the_pace_within_bounds() {
        for (told, fresh) in [(Some(0), 60), (Some(300), 300), (Some(u64::MAX), 86_400), (None, 300)] {
            let mut schedule = loaded();
            schedule.begin(NOON);
            schedule.succeed(told.map(secs), false, 0, NOON);

            assert_eq!(schedule.good_until(), Some(NOON + secs(fresh) + PACE.stale), "{told:?}");
        }
    }

    #[test]
    fn an_unknown_key_is_looked_for_once_by_all_who_want_it() {
        let mut schedule = loaded();

        assert_eq!(schedule.want(Want::UnknownKey, NOON), Advice::Wait(2));
        assert_eq!(schedule.rest(NOON), Duration::ZERO);
        assert_eq!(schedule.want(Want::UnknownKey, NOON), Advice::Wait(2));
        schedule.begin(NOON);
        assert_eq!(schedule.want(Want::UnknownKey, NOON), Advice::Wait(2));
    }

    #[test]
    fn a_fetch_in_vain_is_followed_by_a_cool_down() {
        let mut schedule = loaded();
        schedule.want(Want::UnknownKey, NOON);
        schedule.begin(NOON);
        schedule.succeed(Some(secs(300)), false, 0, NOON + secs(1));

        assert_eq!(schedule.want(Want::UnknownKey, NOON + secs(29)), Advice::AsTheyAre);
        assert_eq!(schedule.want(Want::UnknownKey, NOON + secs(30)), Advice::Wait(3));
    }

    #[test]
    fn a_fetch_that_brought_other_keys_was_not_in_vain() {
        let mut schedule = loaded();
        schedule.want(Want::UnknownKey, NOON);
        schedule.begin(NOON);
        schedule.succeed(Some(secs(300)), true, 0, NOON + secs(1));

        assert_eq!(schedule.want(Want::UnknownKey, NOON + secs(1)), Advice::Wait(3));
    }

    #[test]
    fn an_issuer_whose_keys_change_each_time_is_not_asked_at_the_pace_of_strangers() {
        let mut schedule = loaded();
        let before = schedule.begun();
        for ms in (0..10_000).step_by(10) {
            let now = NOON + Duration::from_millis(ms);
            if let Advice::Wait(_) = schedule.want(Want::UnknownKey, now) {
                schedule.begin(now);
                schedule.succeed(None, true, 0, now);
            }
        }

        assert_eq!(schedule.begun() - before, 10, "one in each second, a thirtieth of the cool-down");
    }

    #[test]
    fn keys_outlive_failed_fetches_until_they_may_not() {
        let mut schedule = loaded();
        schedule.begin(NOON + secs(225));
        schedule.fail(0, NOON + secs(230));

        assert_eq!(schedule.good_until(), Some(NOON + secs(300) + PACE.stale));
        assert_eq!(schedule.rest(NOON + secs(230)), secs(1));
    }

    #[test]
    fn failures_are_tried_again_more_and_more_rarely() {
        let mut schedule = loaded();
        let mut waits = Vec::new();
        for _ in 0..8 {
            schedule.begin(NOON);
            schedule.fail(0, NOON);
            waits.push(schedule.rest(NOON).as_secs());
        }

        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60]);
    }

    #[test]
    fn without_keys_a_request_may_ask_again_but_not_each_one() {
        let mut schedule = Schedule::new(PACE);
        schedule.begin(NOON);
        schedule.fail(0, NOON);

        assert_eq!(schedule.want(Want::AnyKeys, NOON), Advice::Unknown);
        assert_eq!(schedule.want(Want::AnyKeys, NOON + secs(1)), Advice::Wait(2));
    }

    proptest! {
        /// R9: whatever is wanted and whatever the issuer answers, strangers cause one fetch in a cool-down,
        /// and one for each time that the issuer changed its keys.
        #[test]
        fn a_flood_of_unknown_keys_causes_one_fetch_in_each_cool_down(
            steps in prop::collection::vec((0_u64..3000, any::<bool>(), any::<bool>()), 1..400),
        ) {
            let mut schedule = loaded();
            let (mut now, mut asked, mut changes) = (NOON, 0_u64, 0_u64);
            for (ms, answers, changes_now) in steps {
                now = now + Duration::from_millis(ms);
                let before = schedule.begun();
                if let Advice::Wait(_) = schedule.want(Want::UnknownKey, now) {
                    schedule.begin(now);
                    asked += schedule.begun() - before;
                    changes += u64::from(answers && changes_now);
                    if answers {
                        schedule.succeed(None, changes_now, 7, now);
                    } else {
                        schedule.fail(7, now);
                    }
                }
            }
            let cool_downs = now.since(NOON).as_secs() / PACE.cool_down.as_secs() + 1;
            prop_assert!(asked <= cool_downs + changes, "{asked} > {cool_downs} + {changes}");
        }
    }
}
