//! The one clock: it never runs back, never stands still, and trusts no leap before it has held.

pub(crate) mod checkpoint;

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::time::{ClockId, clock_gettime};

use counterfoil_jose::Time;

/// A step of the wall that is larger than this is a leap; so is a mark that lies this far ahead of it.
pub const LEAP: Duration = Duration::from_secs(5 * 60);

/// How long a leap has to hold before anything is issued by it.
pub const HOLD: Duration = Duration::from_secs(10 * 60);

/// What two clocks say at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    /// The time of day. Somebody may set it to anything.
    pub wall: Time,
    /// How long the machine has been up, asleep or not. It only grows.
    pub up: Duration,
}

/// Where readings come from: the machine, or the hand of a test. Any `Fn() -> Reading` is one.
pub trait Source: Send + Sync + 'static {
    /// Reads both clocks.
    fn read(&self) -> Reading;
}

impl<F> Source for F
where
    F: Fn() -> Reading + Send + Sync + 'static,
{
    fn read(&self) -> Reading {
        self()
    }
}

/// The clocks of this machine: both are read without a system call.
#[derive(Debug, Clone, Copy, Default)]
pub struct Machine;

impl Source for Machine {
    fn read(&self) -> Reading {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        let up = clock_gettime(ClockId::Boottime);
        let (seconds, nanos) = (u64::try_from(up.tv_sec), u32::try_from(up.tv_nsec));
        Reading {
            wall: Time::EPOCH + wall,
            up: Duration::new(seconds.unwrap_or_default(), nanos.unwrap_or_default()),
        }
    }
}

/// The time, as everything in an installation is told it.
///
/// It is kept as a line: the time when the machine was started, by the furthest that the wall has ever
/// shown. The present is that line plus the time that the machine has been up. So a wall that is set back
/// changes nothing, and one that is set forward moves the line.
///
/// A leap forward is followed at once, since it can only expire things; but what was issued by it would
/// outlive everything else if it were taken back. So nothing is, until the leap has held for [`HOLD`] or an
/// operator accepts it.
///
/// ```
/// use counterfoil::{Clock, Machine};
/// use counterfoil_jose::Time;
///
/// let clock = Clock::start(Machine, None, Time::EPOCH);
/// let before = clock.now();
/// assert!(clock.now() >= before);
/// assert!(clock.may_issue());
/// ```
pub struct Clock {
    source: Box<dyn Source>,
    /// The line, in Unix milliseconds. It only grows.
    line: AtomicU64,
    is_unsettled: AtomicBool,
    marks: Mutex<Marks>,
    ahead_at_start: Duration,
}

/// What is known of the line that is not needed for telling the time.
#[derive(Debug, Default)]
struct Marks {
    leap: Option<Leap>,
    /// The line that an operator has put in the place of ours, for the next start.
    reset: Option<u64>,
}

/// A leap that has not been accepted yet.
#[derive(Debug, Clone, Copy)]
struct Leap {
    /// The line before it.
    settled: u64,
    /// Since when the wall has stood by it; `None` while it does not.
    held_since: Option<u64>,
}

/// Nothing is issued now: the wall has leapt forward, and the leap has not held for long enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the clock has leapt forward and nothing is issued until that has held for ten minutes")]
pub struct ClockUnsettled;

/// What the clock showed when an operator accepted it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accepted {
    /// Our time, which goes on as it was.
    pub now: Time,
    /// The wall, which the next start begins with.
    pub wall: Time,
}

impl Accepted {
    /// Whether we are so far ahead of the wall that only a restart brings us back to it.
    pub fn needs_restart(&self) -> bool {
        self.now.since(self.wall) > LEAP
    }
}

impl Clock {
    /// Starts at the wall, at the mark that a former life has `saved`, or at the `newest` time that any
    /// record holds, whichever is the latest.
    pub fn start(source: impl Source, saved: Option<Time>, newest: Time) -> Self {
        let Reading { wall, up } = source.read();
        let start = wall.max(saved.unwrap_or(Time::EPOCH)).max(newest);
        Self {
            source: Box::new(source),
            line: AtomicU64::new(line_through(start, up)),
            is_unsettled: AtomicBool::new(false),
            marks: Mutex::default(),
            ahead_at_start: start.since(wall),
        }
    }

    /// The present. It is never earlier than any present that was told before, on any thread.
    pub fn now(&self) -> Time {
        let reading = self.source.read();
        let line = self.line.load(Ordering::SeqCst);
        let present = time_on(line, reading.up);
        let is_leap = reading.wall.since(present) > LEAP;
        if is_leap || self.is_unsettled.load(Ordering::SeqCst) {
            return self.now_in_doubt(reading);
        }
        if reading.wall <= present {
            return present;
        }
        self.follow(reading)
    }

    /// Moves the line forward to the wall. Another thread may have moved it further.
    fn follow(&self, Reading { wall, up }: Reading) -> Time {
        let other = self.line.fetch_max(line_through(wall, up), Ordering::SeqCst);
        time_on(other, up).max(wall)
    }

    /// The same while there is a leap: follows it, and watches whether it holds.
    fn now_in_doubt(&self, reading: Reading) -> Time {
        let mut marks = self.marks();
        let settled = self.line.load(Ordering::SeqCst);
        let by = reading.wall.since(time_on(settled, reading.up));
        let leap = match marks.leap {
            Some(leap) => leap,
            // Another thread was faster, and has followed or settled this very leap.
            None if by <= LEAP => return self.follow(reading),
            None => Self::leap_of(by, settled),
        };
        // Before the line moves: nobody may see the new time and not the doubt about it.
        self.is_unsettled.store(true, Ordering::SeqCst);
        let present = self.follow(reading);
        let up = millis(reading.up);
        // Whoever takes the leap back, or part of it, has not made up their mind.
        let stands_by_it = present.since(reading.wall) <= LEAP;
        let held_since = stands_by_it.then(|| leap.held_since.unwrap_or(up));
        let has_held =
            held_since.is_some_and(|since| Duration::from_millis(up.saturating_sub(since)) >= HOLD);
        marks.leap = (!has_held).then_some(Leap { held_since, ..leap });
        self.is_unsettled.store(!has_held, Ordering::SeqCst);
        present
    }

    fn leap_of(by: Duration, settled: u64) -> Leap {
        tracing::warn!(
            seconds = by.as_secs(),
            "the clock of this machine has leapt forward; nothing is issued until that has held for ten minutes, or \
             `counterfoil clock accept` says that it is right"
        );
        Leap { settled, held_since: None }
    }

    /// Whether anything may be issued by what [`Clock::now`] says.
    pub fn may_issue(&self) -> bool {
        self.now();
        !self.is_unsettled.load(Ordering::SeqCst)
    }

    /// The present, for somebody who is going to issue something by it.
    ///
    /// # Errors
    ///
    /// While a leap has neither held nor been accepted.
    pub fn now_to_issue(&self) -> Result<Time, ClockUnsettled> {
        let now = self.now();
        if self.is_unsettled.load(Ordering::SeqCst) { Err(ClockUnsettled) } else { Ok(now) }
    }

    /// Takes the wall for right, on an operator's word. A leap is settled by that. If we are ahead of the
    /// wall, this life stays so, and the next one starts with the wall.
    pub fn accept(&self) -> Accepted {
        let now = self.now();
        let Reading { wall, up } = self.source.read();
        let mut marks = self.marks();
        marks.leap = None;
        self.is_unsettled.store(false, Ordering::SeqCst);
        let accepted = Accepted { now, wall };
        marks.reset = accepted.needs_restart().then(|| line_through(wall, up));
        accepted
    }

    /// The mark to be saved for the next start: the present, without a leap that has not been settled.
    pub fn mark(&self) -> Time {
        self.now();
        let marks = self.marks();
        let line = self.line.load(Ordering::SeqCst);
        let settled = marks.leap.map_or(line, |leap| leap.settled);
        let line = marks.reset.map_or(settled, |reset| settled.min(reset));
        time_on(line, self.source.read().up)
    }

    /// How far ahead of the wall the clock had to start; nothing is wrong up to [`LEAP`].
    pub fn ahead_at_start(&self) -> Duration {
        self.ahead_at_start
    }

    fn marks(&self) -> MutexGuard<'_, Marks> {
        // Nothing in a critical section of this file can panic half-way.
        self.marks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl counterfoil_verify::Clock for Clock {
    fn now(&self) -> Time {
        Self::now(self)
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Clock").field("now", &self.now()).field("may_issue", &self.may_issue()).finish()
    }
}

/// The line that is at `time` when the machine has been up for this long.
fn line_through(time: Time, up: Duration) -> u64 {
    time.unix_ms().saturating_sub(millis(up))
}

fn time_on(line: u64, up: Duration) -> Time {
    Time::from_unix_ms(line.saturating_add(millis(up)))
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::{Strategy, any, prop_assert, prop_oneof, proptest};

    use super::*;

    const NOON: Time = Time::from_unix_seconds(1_764_000_000);
    const MINUTE: Duration = Duration::from_secs(60);
    const DAY: Duration = Duration::from_secs(24 * 3600);

    /// Two clocks in the hand of a test.
    #[derive(Clone)]
    struct Hand(Arc<Mutex<Reading>>);

    impl Hand {
        fn at(wall: Time) -> Self {
            Self(Arc::new(Mutex::new(Reading { wall, up: Duration::from_secs(1000) })))
        }

        /// Time goes by, on both.
        fn pass(&self, span: Duration) {
            let mut reading = self.0.lock().unwrap();
            *reading = Reading { wall: reading.wall + span, up: reading.up + span };
        }

        /// Somebody sets the wall.
        fn set(&self, wall: Time) {
            self.0.lock().unwrap().wall = wall;
        }

        /// The wall stands still, or the machine wakes with a wall that has not been set.
        fn pass_unseen(&self, span: Duration) {
            self.0.lock().unwrap().up += span;
        }
    }

    impl Source for Hand {
        fn read(&self) -> Reading {
            *self.0.lock().unwrap()
        }
    }

    fn started() -> (Hand, Clock) {
        let hand = Hand::at(NOON);
        let clock = Clock::start(hand.clone(), None, Time::EPOCH);
        (hand, clock)
    }

    #[test]
    fn a_wall_that_is_set_back_changes_nothing() {
        let (hand, clock) = started();

        hand.set(NOON - DAY);
        hand.pass(MINUTE);

        assert_eq!(clock.now(), NOON + MINUTE);
        assert!(clock.may_issue(), "the time that we go by is still right");
    }

    #[test]
    fn a_wall_that_stands_still_does_not_stop_the_time() {
        let (hand, clock) = started();

        hand.pass_unseen(3 * MINUTE);

        assert_eq!(clock.now(), NOON + 3 * MINUTE);
    }

    #[test]
    fn a_small_step_forward_is_taken_at_once() {
        let (hand, clock) = started();

        hand.set(NOON + LEAP);

        assert_eq!(clock.now_to_issue(), Ok(NOON + LEAP));
        assert_eq!(clock.mark(), NOON + LEAP);
    }

    #[test]
    fn a_leap_expires_things_and_issues_nothing_until_it_has_held() {
        let (hand, clock) = started();

        hand.set(NOON + DAY);
        assert_eq!(clock.now(), NOON + DAY, "what expires tomorrow has expired");
        assert_eq!(clock.now_to_issue(), Err(ClockUnsettled));
        assert_eq!(clock.mark(), NOON, "a restart may still undo it");
        hand.pass(HOLD - Duration::from_millis(1));
        assert!(!clock.may_issue());
        hand.pass(Duration::from_millis(1));

        assert_eq!(clock.now_to_issue(), Ok(NOON + DAY + HOLD));
        assert_eq!(clock.mark(), NOON + DAY + HOLD);
    }

    #[test]
    fn a_leap_that_is_taken_back_never_settles_by_itself() {
        let (hand, clock) = started();

        hand.set(NOON + DAY);
        clock.now();
        hand.pass(MINUTE);
        hand.set(NOON + 2 * MINUTE);
        assert_eq!(clock.now(), NOON + DAY + MINUTE, "time does not run back");
        hand.pass(3 * HOLD);

        assert!(!clock.may_issue());
        assert_eq!(clock.mark(), NOON + MINUTE + 3 * HOLD, "the next start is where we were");
    }

    #[test]
    fn a_leap_that_comes_back_has_to_hold_anew() {
        let (hand, clock) = started();

        hand.set(NOON + DAY);
        clock.now();
        hand.pass(HOLD - MINUTE);
        hand.set(NOON);
        clock.now();
        hand.set(clock.now());
        clock.now();
        hand.pass(2 * MINUTE);
        assert!(!clock.may_issue());
        hand.pass(HOLD);

        assert!(clock.may_issue());
    }

    #[test]
    fn an_operator_settles_a_leap() {
        let (hand, clock) = started();
        hand.set(NOON + DAY);
        assert!(!clock.may_issue());

        let accepted = clock.accept();

        assert_eq!(accepted, Accepted { now: NOON + DAY, wall: NOON + DAY });
        assert!(clock.may_issue());
        assert_eq!(clock.mark(), NOON + DAY);
    }

    #[test]
    fn a_leap_after_a_leap_needs_to_hold_as_well() {
        let (hand, clock) = started();
        hand.set(NOON + DAY);
        clock.now();
        clock.accept();

        hand.set(NOON + 2 * DAY);

        assert!(!clock.may_issue());
        assert_eq!(clock.mark(), NOON + DAY);
    }

    #[test]
    fn a_sleeping_machine_wakes_at_the_right_time() {
        let (hand, clock) = started();

        // Asleep for eight hours; on waking the wall is right, and the machine has been up all the while.
        hand.pass(Duration::from_secs(8 * 3600));

        assert_eq!(clock.now_to_issue(), Ok(NOON + Duration::from_secs(8 * 3600)));
    }

    #[test]
    fn a_start_is_never_before_the_mark_or_a_record() {
        let by_mark = Clock::start(Hand::at(NOON - DAY), Some(NOON), Time::EPOCH);
        let by_record = Clock::start(Hand::at(NOON - DAY), Some(NOON - DAY), NOON + MINUTE);

        assert_eq!((by_mark.now(), by_mark.ahead_at_start()), (NOON, DAY));
        assert_eq!((by_record.now(), by_record.ahead_at_start()), (NOON + MINUTE, DAY + MINUTE));
        assert!(by_mark.may_issue());
    }

    #[test]
    fn a_mark_that_is_ahead_can_be_reset_for_the_next_start() {
        let hand = Hand::at(NOON);
        let clock = Clock::start(hand.clone(), Some(NOON + DAY), Time::EPOCH);
        assert_eq!(clock.mark(), NOON + DAY);

        clock.accept();
        hand.pass(MINUTE);

        assert_eq!(clock.mark(), NOON + MINUTE);
        assert_eq!(clock.now(), NOON + DAY + MINUTE, "this life goes on");
    }

    #[test]
    fn the_machines_own_clocks_agree_with_the_system() {
        let clock = Clock::start(Machine, None, Time::EPOCH);
        let system = Time::EPOCH + SystemTime::now().duration_since(UNIX_EPOCH).unwrap();

        assert!(clock.now().since(system) < MINUTE && system.since(clock.now()) < MINUTE);
        assert!(Machine.read().up > Duration::ZERO);
    }

    #[derive(Debug, Clone, Copy)]
    enum Happens {
        Passes(u64),
        Stands(u64),
        Set(u64),
        Accepted,
    }

    fn anything() -> impl Strategy<Value = Happens> {
        prop_oneof![
            (0..3_600_000_u64).prop_map(Happens::Passes),
            (0..3_600_000_u64).prop_map(Happens::Stands),
            (0..4_000_000_000_000_u64).prop_map(Happens::Set),
            any::<()>().prop_map(|()| Happens::Accepted),
        ]
    }

    proptest! {
        /// Whatever is done to the wall: the time advances by at least what has passed, and so does the mark
        /// unless an operator has reset it.
        #[test]
        fn time_never_runs_back_nor_stands_still(story in proptest::collection::vec(anything(), 1..60)) {
            let (hand, clock) = started();
            let (mut before, mut mark, mut is_reset) = (clock.now(), clock.mark(), false);
            for event in story {
                let passed = match event {
                    Happens::Passes(ms) => { hand.pass(Duration::from_millis(ms)); ms }
                    Happens::Stands(ms) => { hand.pass_unseen(Duration::from_millis(ms)); ms }
                    Happens::Set(wall) => { hand.set(Time::from_unix_ms(wall)); 0 }
                    Happens::Accepted => { clock.accept(); is_reset = true; 0 }
                };
                let (now, marked) = (clock.now(), clock.mark());
                prop_assert!(now >= before + Duration::from_millis(passed), "{event:?}");
                prop_assert!(marked <= now);
                prop_assert!(is_reset || marked >= mark + Duration::from_millis(passed), "{event:?}");
                (before, mark) = (now, marked);
            }
        }
    }

    #[test]
    fn time_is_one_for_all_threads() {
        let (hand, clock) = started();
        let latest = AtomicU64::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..5_000 {
                        let told_before = latest.load(Ordering::SeqCst);
                        let now = clock.now().unix_ms();
                        assert!(now >= told_before, "a time was told after a later one");
                        latest.fetch_max(now, Ordering::SeqCst);
                    }
                });
            }
            for step in 0..5_000_u64 {
                hand.pass(Duration::from_millis(1));
                hand.set(Time::from_unix_ms(NOON.unix_ms() + step * 97 % 400_000));
            }
        });
    }
}
