//! Decides when the polls of one instance are served, so that an instance that floods is slowed.

use std::time::Duration;

use crate::services::login_rate_limiter::RateLimit;

/// When a poll that arrives at `now` is served, and the state for the next one: the generic cell rate algorithm (ITU-T
/// I.371). A whole window's worth of polls is served at once; after that one at a time, evenly.
///
/// A poll that arrives while another one waits for its slot takes that slot, because it replaces that poll. So polls that
/// are refused book nothing, and no flood delays the polls after it by more than one slot.
///
/// `paced_until` is the state after the previous poll.
pub fn next_slot(paced_until: Duration, limit: RateLimit, now: Duration) -> (Duration, Duration) {
    if limit.is_off() {
        return (now, paced_until);
    }
    let interval = limit.window / limit.max.max(1);
    let booked = paced_until.saturating_sub(limit.window);
    if booked > now {
        return (booked, paced_until);
    }
    let next = paced_until.max(now) + interval;
    (now.max(next.saturating_sub(limit.window)), next)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(1_000);
    const LIMIT: RateLimit = RateLimit { max: 10, window: Duration::from_secs(1) };

    fn delays(polls: usize, limit: RateLimit) -> Vec<Duration> {
        let mut paced_until = Duration::ZERO;
        let mut serve = || {
            let (slot, next) = next_slot(paced_until, limit, NOW);
            paced_until = next;
            slot - NOW
        };
        (0..polls).map(|_| serve()).collect()
    }

    #[test]
    fn a_burst_is_served_at_once_and_further_polls_share_the_next_slot() {
        let delays = delays(1_000, LIMIT);

        assert!(delays[..10].iter().all(Duration::is_zero), "{delays:?}");
        assert!(delays[10..].iter().all(|delay| *delay == Duration::from_millis(100)), "{delays:?}");
    }

    #[test]
    fn an_instance_that_polls_without_pause_is_slowed_to_the_rate() {
        let (mut paced_until, mut now) = (Duration::ZERO, NOW);
        for _ in 0..30 {
            (now, paced_until) = next_slot(paced_until, LIMIT, now);
        }

        assert_eq!(now, NOW + Duration::from_millis(2_000));
    }

    #[test]
    fn after_a_flood_the_next_poll_is_late_by_one_slot_at_most() {
        let (mut paced_until, mut slot) = (Duration::ZERO, NOW);
        for poll in 0..100_000 {
            let arrives = NOW + Duration::from_micros(poll * 10);
            (slot, paced_until) = next_slot(paced_until, LIMIT, arrives);
        }

        assert!(slot <= NOW + Duration::from_millis(1_100), "{slot:?}");
    }

    #[test]
    fn an_instance_that_keeps_to_the_rate_is_never_delayed() {
        let (mut paced_until, mut now) = (Duration::ZERO, NOW);
        for _ in 0..1_000 {
            let (slot, next) = next_slot(paced_until, LIMIT, now);
            assert_eq!(slot, now);
            (paced_until, now) = (next, now + Duration::from_millis(100));
        }
    }

    #[test]
    fn without_a_limit_nothing_is_delayed() {
        assert!(delays(1_000, RateLimit::OFF).iter().all(Duration::is_zero));
    }
}
