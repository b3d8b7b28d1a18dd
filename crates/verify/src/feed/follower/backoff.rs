//! How long to wait after a failed poll.

use std::time::Duration;

use crate::feed::follower::event::PollFailure;

/// The longest wait after a failure that may be over at any moment. Together with the timeout of a poll it is less than two
/// seconds, so that a verifier is fresh again that soon after its issuer returns.
const MAX_TRANSIENT: Duration = Duration::from_millis(600);

/// The longest wait after a failure that only an operator can end, such as a removed verifier key.
const MAX_PERMANENT: Duration = Duration::from_secs(10);

/// The longest wait that the issuer can ask for.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(60);

/// How long to wait after the last of `failures` failed polls in a row. It doubles with each of them, and `jitter` shortens
/// it by up to a half. It is never shorter than `Retry-After`.
pub(super) fn delay(failure: PollFailure, failures: u32, jitter: u8) -> Duration {
    let (first, max) = match failure {
        PollFailure::Refused { status: 408 | 425 | 429, .. } => (Duration::from_millis(100), MAX_TRANSIENT),
        PollFailure::Refused { status: 300..=499, .. } | PollFailure::TooManyEntries => {
            (Duration::from_millis(500), MAX_PERMANENT)
        }
        PollFailure::Unreachable
        | PollFailure::TimedOut
        | PollFailure::Refused { .. }
        | PollFailure::Invalid => (Duration::from_millis(50), MAX_TRANSIENT),
    };
    let longest = first.saturating_mul(1 << failures.saturating_sub(1).min(10)).min(max);
    let jitter = u32::from(jitter);
    let delay = longest / 2 + longest / 2 * jitter / 255;
    let PollFailure::Refused { retry_after: Some(retry_after), .. } = failure else { return delay };
    let retry_after = retry_after.min(MAX_RETRY_AFTER);
    delay.max(retry_after + retry_after / 4 * jitter / 255)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn delays(failure: PollFailure, jitter: u8) -> Vec<u64> {
        (1..=6).map(|failures| delay(failure, failures, jitter).as_millis() as u64).collect()
    }

    #[test]
    fn the_wait_doubles_up_to_its_limit_and_is_jittered() {
        assert_eq!(delays(PollFailure::Unreachable, 255), [50, 100, 200, 400, 600, 600]);
        assert_eq!(delays(PollFailure::TimedOut, 0), [25, 50, 100, 200, 300, 300]);
        assert!(delay(PollFailure::Invalid, u32::MAX, 255) <= MAX_TRANSIENT);
    }

    #[test]
    fn a_refused_key_is_presented_ever_more_rarely() {
        let refused = PollFailure::Refused { status: 401, retry_after: None };
        assert_eq!(delays(refused, 255), [500, 1000, 2000, 4000, 8000, 10_000]);
    }

    #[test]
    fn retry_after_is_kept_up_to_a_minute() {
        let refused = |status, seconds| PollFailure::Refused {
            status,
            retry_after: Some(Duration::from_secs(seconds)),
        };

        assert_eq!(delay(refused(503, 1), 1, 0), ms(1000));
        assert_eq!(delay(refused(429, 4), 1, 255), ms(5000));
        assert_eq!(delay(refused(503, 86_400), 1, 0), MAX_RETRY_AFTER);
        assert_eq!(delay(refused(503, 0), 5, 255), MAX_TRANSIENT);
    }
}
