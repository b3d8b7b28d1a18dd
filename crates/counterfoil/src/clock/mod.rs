//! The monotonic wall clock: it never runs backward, and issues nothing after a jump forward that is not
//! confirmed.

pub(crate) mod checkpoint;
#[cfg(test)]
pub(crate) mod manual;
mod source;
pub(crate) mod state_keys;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use counterfoil_jose::Time;

pub use crate::clock::source::{ClockReading, ClockSource, SystemClock};

/// A step forward of the wall clock that is larger than this is a clock jump. A saved checkpoint that is
/// ahead of the wall clock by more than this is reported at the start.
pub const CLOCK_JUMP_THRESHOLD: Duration = Duration::from_secs(5 * 60);

/// How long the wall clock must stay at the new time after a jump before anything is issued.
pub const CLOCK_JUMP_HOLD_TIME: Duration = Duration::from_secs(10 * 60);

/// The clock of an installation. All its times come from here.
///
/// It stores the boot time: the latest wall-clock time minus the uptime that it has seen. The current time is
/// the boot time plus the uptime. If the wall clock is set back, nothing changes; if it is set forward, the
/// boot time moves forward.
///
/// After a jump forward of more than [`CLOCK_JUMP_THRESHOLD`] the new time is used at once to expire sessions
/// and tokens, which is safe. A token issued then would stay valid too long if the jump were taken back, so
/// nothing is issued until the jump has held for [`CLOCK_JUMP_HOLD_TIME`] or an operator accepts it.
///
/// ```
/// use counterfoil::{Clock, SystemClock, Time};
///
/// let clock = Clock::start(SystemClock, None, Time::EPOCH);
/// let before = clock.now();
/// assert!(clock.now() >= before);
/// assert!(clock.may_issue());
/// ```
pub struct Clock {
    source: Box<dyn ClockSource>,
    /// The boot time in Unix milliseconds. It only grows.
    boot_time: AtomicU64,
    has_pending_jump: AtomicBool,
    state: Mutex<JumpState>,
    ahead_at_start: Duration,
}

/// The state of jump detection.
#[derive(Debug, Default)]
struct JumpState {
    pending: Option<PendingJump>,
    /// The boot time by the wall clock that an operator accepted. The next start uses it.
    accepted_boot_time: Option<u64>,
}

/// A jump that is not confirmed yet.
#[derive(Debug, Clone, Copy)]
struct PendingJump {
    /// The boot time before the jump.
    boot_time_before: u64,
    /// The uptime in milliseconds since which the wall clock has stayed at the new time; `None` while it does
    /// not.
    held_since: Option<u64>,
}

/// Nothing is issued now: the clock jumped forward and the jump is not confirmed yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the system clock jumped forward; nothing is issued until the new time has held for ten minutes")]
pub struct ClockJumpPending;

/// The times at the moment when an operator accepted the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AcceptedClock {
    /// The current time. Accepting does not change it.
    pub now: Time,
    /// The wall-clock time, with which the next start begins.
    pub wall: Time,
}

impl AcceptedClock {
    /// Whether the clock is so far ahead of the wall clock that only a restart brings it back.
    pub fn needs_restart(&self) -> bool {
        self.now.since(self.wall) > CLOCK_JUMP_THRESHOLD
    }
}

impl Clock {
    /// Starts at the latest of: the wall clock, the `checkpoint` of the previous process, and the `newest`
    /// time in any record of the store.
    pub fn start(source: impl ClockSource, checkpoint: Option<Time>, newest: Time) -> Self {
        Self::start_boxed(Box::new(source), checkpoint, newest)
    }

    /// As [`Clock::start`], without a type parameter.
    pub(crate) fn start_boxed(source: Box<dyn ClockSource>, checkpoint: Option<Time>, newest: Time) -> Self {
        let ClockReading { wall, uptime } = source.read();
        let start = wall.max(checkpoint.unwrap_or(Time::EPOCH)).max(newest);
        Self {
            source,
            boot_time: AtomicU64::new(boot_time_at(start, uptime)),
            has_pending_jump: AtomicBool::new(false),
            state: Mutex::default(),
            ahead_at_start: start.since(wall),
        }
    }

    /// The current time. It is never earlier than a time that this method returned before, on any thread.
    pub fn now(&self) -> Time {
        let reading = self.source.read();
        let now = time_at(self.boot_time.load(Ordering::SeqCst), reading.uptime);
        let is_jump = reading.wall.since(now) > CLOCK_JUMP_THRESHOLD;
        if is_jump || self.has_pending_jump.load(Ordering::SeqCst) {
            return self.now_during_jump(reading);
        }
        if reading.wall <= now {
            return now;
        }
        self.advance_to(reading)
    }

    /// Moves the boot time forward to match the wall clock. Another thread may have moved it further.
    fn advance_to(&self, ClockReading { wall, uptime }: ClockReading) -> Time {
        let previous = self.boot_time.fetch_max(boot_time_at(wall, uptime), Ordering::SeqCst);
        time_at(previous, uptime).max(wall)
    }

    /// As [`Clock::now`] while a jump is new or pending: uses the new time, and checks whether the jump has
    /// held.
    fn now_during_jump(&self, reading: ClockReading) -> Time {
        let mut state = self.state();
        let boot_time = self.boot_time.load(Ordering::SeqCst);
        let step = reading.wall.since(time_at(boot_time, reading.uptime));
        let jump = match state.pending {
            Some(jump) => jump,
            // Another thread has already handled this jump.
            None if step <= CLOCK_JUMP_THRESHOLD => return self.advance_to(reading),
            None => Self::report_jump(step, boot_time),
        };
        // Set before the boot time moves: no thread may see the new time without the pending jump.
        self.has_pending_jump.store(true, Ordering::SeqCst);
        let now = self.advance_to(reading);
        let uptime = millis(reading.uptime);
        // A wall clock that was set back, even in part, does not confirm the jump.
        let is_held = now.since(reading.wall) <= CLOCK_JUMP_THRESHOLD;
        let held_since = is_held.then(|| jump.held_since.unwrap_or(uptime));
        let is_confirmed = held_since
            .is_some_and(|since| Duration::from_millis(uptime.saturating_sub(since)) >= CLOCK_JUMP_HOLD_TIME);
        state.pending = (!is_confirmed).then_some(PendingJump { held_since, ..jump });
        self.has_pending_jump.store(!is_confirmed, Ordering::SeqCst);
        now
    }

    fn report_jump(step: Duration, boot_time: u64) -> PendingJump {
        tracing::warn!(
            seconds = step.as_secs(),
            "the system clock jumped forward; nothing is issued until the new time has held for ten minutes, or \
             until it is accepted with `counterfoil clock accept`"
        );
        PendingJump { boot_time_before: boot_time, held_since: None }
    }

    /// The time since the machine was started, including suspend. No change of the wall clock moves it.
    pub fn uptime(&self) -> Duration {
        self.source.read().uptime
    }

    /// Whether anything may be issued at the time of [`Clock::now`]: no clock jump is pending.
    pub fn may_issue(&self) -> bool {
        self.now_to_issue().is_ok()
    }

    /// The current time, for a caller that issues a credential.
    ///
    /// # Errors
    ///
    /// While a clock jump is pending.
    pub fn now_to_issue(&self) -> Result<Time, ClockJumpPending> {
        let now = self.now();
        if self.has_pending_jump.load(Ordering::SeqCst) { Err(ClockJumpPending) } else { Ok(now) }
    }

    /// Accepts the wall clock as right, as an operator has checked it. This confirms a pending jump. If the
    /// clock is ahead of the wall clock, it stays ahead until the process ends; the next start uses the wall
    /// clock.
    pub fn accept(&self) -> AcceptedClock {
        let now = self.now();
        let ClockReading { wall, uptime } = self.source.read();
        let mut state = self.state();
        state.pending = None;
        self.has_pending_jump.store(false, Ordering::SeqCst);
        let accepted = AcceptedClock { now, wall };
        state.accepted_boot_time = accepted.needs_restart().then(|| boot_time_at(wall, uptime));
        accepted
    }

    /// Whether an operator has accepted the wall clock while this clock was ahead of it, which only a restart changes.
    pub(crate) fn awaits_restart(&self) -> bool {
        self.state().accepted_boot_time.is_some()
    }

    /// The time to save for the next start: the current time without a pending jump.
    pub fn checkpoint(&self) -> Time {
        self.now();
        let state = self.state();
        let boot_time = self.boot_time.load(Ordering::SeqCst);
        let confirmed = state.pending.map_or(boot_time, |jump| jump.boot_time_before);
        let boot_time = state.accepted_boot_time.map_or(confirmed, |accepted| confirmed.min(accepted));
        time_at(boot_time, self.source.read().uptime)
    }

    /// How far the clock was ahead of the wall clock at the start. Up to [`CLOCK_JUMP_THRESHOLD`] is normal.
    pub fn ahead_at_start(&self) -> Duration {
        self.ahead_at_start
    }

    fn state(&self) -> MutexGuard<'_, JumpState> {
        // No critical section in this file can panic, so a poisoned lock is safe to use.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
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

/// The boot time in Unix milliseconds of a machine that shows `time` at `uptime`.
fn boot_time_at(time: Time, uptime: Duration) -> u64 {
    time.unix_ms().saturating_sub(millis(uptime))
}

fn time_at(boot_time: u64, uptime: Duration) -> Time {
    Time::from_unix_ms(boot_time.saturating_add(millis(uptime)))
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
