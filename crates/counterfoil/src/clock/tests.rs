//! Tests of the clock: jumps, confirmation, restarts, and threads.

use proptest::prelude::{Strategy, any, prop_assert, prop_oneof, proptest};

use super::*;
use crate::clock::manual::ManualClock;

const NOON: Time = Time::from_unix_seconds(1_764_000_000);
const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 3600);

fn started() -> (ManualClock, Clock) {
    let source = ManualClock::new(NOON);
    let clock = Clock::start(source.clone(), None, Time::EPOCH);
    (source, clock)
}

#[test]
fn a_wall_clock_that_is_set_back_changes_nothing() {
    let (source, clock) = started();

    source.set_wall(NOON - DAY);
    source.advance(MINUTE);

    assert_eq!(clock.now(), NOON + MINUTE);
    assert!(clock.may_issue(), "the time by the uptime is still right");
}

#[test]
fn a_wall_clock_that_stands_still_does_not_stop_the_time() {
    let (source, clock) = started();

    source.advance_uptime(3 * MINUTE);

    assert_eq!(clock.now(), NOON + 3 * MINUTE);
}

#[test]
fn a_small_step_forward_is_used_at_once() {
    let (source, clock) = started();

    source.set_wall(NOON + CLOCK_JUMP_THRESHOLD);

    assert_eq!(clock.now_to_issue(), Ok(NOON + CLOCK_JUMP_THRESHOLD));
    assert_eq!(clock.checkpoint(), NOON + CLOCK_JUMP_THRESHOLD);
}

#[test]
fn a_jump_expires_sessions_and_stops_issuing_until_it_has_held() {
    let (source, clock) = started();

    source.set_wall(NOON + DAY);
    assert_eq!(clock.now(), NOON + DAY, "the new time applies to expiry");
    assert_eq!(clock.now_to_issue(), Err(ClockJumpPending));
    assert_eq!(clock.checkpoint(), NOON, "a restart may still undo the jump");
    source.advance(CLOCK_JUMP_HOLD_TIME - Duration::from_millis(1));
    assert!(!clock.may_issue());
    source.advance(Duration::from_millis(1));

    assert_eq!(clock.now_to_issue(), Ok(NOON + DAY + CLOCK_JUMP_HOLD_TIME));
    assert_eq!(clock.checkpoint(), NOON + DAY + CLOCK_JUMP_HOLD_TIME);
}

#[test]
fn a_jump_that_is_taken_back_is_never_confirmed_by_time() {
    let (source, clock) = started();

    source.set_wall(NOON + DAY);
    clock.now();
    source.advance(MINUTE);
    source.set_wall(NOON + 2 * MINUTE);
    assert_eq!(clock.now(), NOON + DAY + MINUTE, "time does not run backward");
    source.advance(3 * CLOCK_JUMP_HOLD_TIME);

    assert!(!clock.may_issue());
    assert_eq!(
        clock.checkpoint(),
        NOON + MINUTE + 3 * CLOCK_JUMP_HOLD_TIME,
        "the next start continues from the time before the jump"
    );
}

#[test]
fn a_jump_that_returns_must_hold_for_the_full_time_again() {
    let (source, clock) = started();

    source.set_wall(NOON + DAY);
    clock.now();
    source.advance(CLOCK_JUMP_HOLD_TIME - MINUTE);
    source.set_wall(NOON);
    clock.now();
    source.set_wall(clock.now());
    clock.now();
    source.advance(2 * MINUTE);
    assert!(!clock.may_issue());
    source.advance(CLOCK_JUMP_HOLD_TIME);

    assert!(clock.may_issue());
}

#[test]
fn an_operator_confirms_a_jump() {
    let (source, clock) = started();
    source.set_wall(NOON + DAY);
    assert!(!clock.may_issue());

    let accepted = clock.accept();

    assert_eq!(accepted, AcceptedClock { now: NOON + DAY, wall: NOON + DAY });
    assert!(clock.may_issue());
    assert_eq!(clock.checkpoint(), NOON + DAY);
}

#[test]
fn a_second_jump_needs_its_own_confirmation() {
    let (source, clock) = started();
    source.set_wall(NOON + DAY);
    clock.now();
    clock.accept();

    source.set_wall(NOON + 2 * DAY);

    assert!(!clock.may_issue());
    assert_eq!(clock.checkpoint(), NOON + DAY);
}

#[test]
fn suspend_counts_as_uptime_and_not_as_a_jump() {
    let (source, clock) = started();

    // Suspended for eight hours: the wall clock and the uptime have both advanced.
    source.advance(Duration::from_secs(8 * 3600));

    assert_eq!(clock.now_to_issue(), Ok(NOON + Duration::from_secs(8 * 3600)));
}

#[test]
fn a_start_is_never_before_the_checkpoint_or_a_record() {
    let by_checkpoint = Clock::start(ManualClock::new(NOON - DAY), Some(NOON), Time::EPOCH);
    let by_record = Clock::start(ManualClock::new(NOON - DAY), Some(NOON - DAY), NOON + MINUTE);

    assert_eq!((by_checkpoint.now(), by_checkpoint.ahead_at_start()), (NOON, DAY));
    assert_eq!((by_record.now(), by_record.ahead_at_start()), (NOON + MINUTE, DAY + MINUTE));
    assert!(by_checkpoint.may_issue());
}

#[test]
fn accepting_the_clock_resets_a_checkpoint_that_is_ahead_for_the_next_start() {
    let source = ManualClock::new(NOON);
    let clock = Clock::start(source.clone(), Some(NOON + DAY), Time::EPOCH);
    assert_eq!(clock.checkpoint(), NOON + DAY);

    clock.accept();
    source.advance(MINUTE);

    assert_eq!(clock.checkpoint(), NOON + MINUTE);
    assert_eq!(clock.now(), NOON + DAY + MINUTE, "the current process keeps its time");
}

#[test]
fn a_clock_on_the_system_clocks_shows_the_system_time() {
    let clock = Clock::start(SystemClock, None, Time::EPOCH);
    let system = SystemClock.read().wall;

    assert!(clock.now().since(system) < MINUTE && system.since(clock.now()) < MINUTE);
}

#[derive(Debug, Clone, Copy)]
enum ClockEvent {
    Advance(u64),
    AdvanceUptime(u64),
    SetWall(u64),
    Accept,
}

fn any_event() -> impl Strategy<Value = ClockEvent> {
    prop_oneof![
        (0..3_600_000_u64).prop_map(ClockEvent::Advance),
        (0..3_600_000_u64).prop_map(ClockEvent::AdvanceUptime),
        (0..4_000_000_000_000_u64).prop_map(ClockEvent::SetWall),
        any::<()>().prop_map(|()| ClockEvent::Accept),
    ]
}

proptest! {
    /// Whatever the wall clock does, the time advances at least by the uptime. So does the checkpoint, unless
    /// an operator has accepted the clock.
    #[test]
    fn time_never_runs_backward_or_stands_still(events in proptest::collection::vec(any_event(), 1..60)) {
        let (source, clock) = started();
        let (mut last_now, mut last_checkpoint, mut is_accepted) = (clock.now(), clock.checkpoint(), false);
        for event in events {
            let elapsed = match event {
                ClockEvent::Advance(ms) => { source.advance(Duration::from_millis(ms)); ms }
                ClockEvent::AdvanceUptime(ms) => { source.advance_uptime(Duration::from_millis(ms)); ms }
                ClockEvent::SetWall(ms) => { source.set_wall(Time::from_unix_ms(ms)); 0 }
                ClockEvent::Accept => { clock.accept(); is_accepted = true; 0 }
            };
            let (now, checkpoint) = (clock.now(), clock.checkpoint());
            let elapsed = Duration::from_millis(elapsed);
            prop_assert!(now >= last_now + elapsed, "{event:?}");
            prop_assert!(checkpoint <= now);
            prop_assert!(is_accepted || checkpoint >= last_checkpoint + elapsed, "{event:?}");
            (last_now, last_checkpoint) = (now, checkpoint);
        }
    }
}

#[test]
fn all_threads_see_the_same_monotonic_time() {
    let (source, clock) = started();
    let latest = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..5_000 {
                    let seen_before = latest.load(Ordering::SeqCst);
                    let now = clock.now().unix_ms();
                    assert!(now >= seen_before, "a thread saw an earlier time after a later one");
                    latest.fetch_max(now, Ordering::SeqCst);
                }
            });
        }
        for step in 0..5_000_u64 {
            source.advance(Duration::from_millis(1));
            source.set_wall(Time::from_unix_ms(NOON.unix_ms() + step * 97 % 400_000));
        }
    });
}
