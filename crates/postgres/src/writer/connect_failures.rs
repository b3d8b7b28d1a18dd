//! The attempts to connect that have failed in a row: which of them are worth a warning.

use std::time::{Duration, Instant};

/// After how long a reason that stays the same is logged again.
const REPEAT_INTERVAL: Duration = Duration::from_secs(60);

/// The least time between two warnings, also if each attempt fails for another reason.
const MIN_INTERVAL: Duration = Duration::from_secs(5);

/// What was logged last of the attempts that have failed in a row.
#[derive(Debug, Default)]
pub(super) struct ConnectFailures {
    logged: Option<(Instant, String)>,
}

impl ConnectFailures {
    /// Whether a failure at `now` is logged as a warning: the first one, one with another reason, and the same again after a minute.
    pub(super) fn is_worth_a_warning(&mut self, reason: &str, now: Instant) -> bool {
        let is_due = self.logged.as_ref().is_none_or(|(at, last)| {
            let interval = if last == reason { REPEAT_INTERVAL } else { MIN_INTERVAL };
            now.saturating_duration_since(*at) >= interval
        });
        if is_due {
            self.logged = Some((now, reason.to_owned()));
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_logged_at_first_and_again_each_minute_and_another_one_after_five_seconds() {
        let (mut failures, start) = (ConnectFailures::default(), Instant::now());
        let logged: Vec<_> =
            [(0, "locked"), (1, "locked"), (4, "refused"), (5, "refused"), (59, "refused"), (65, "refused")]
                .into_iter()
                .filter(|(second, reason)| {
                    failures.is_worth_a_warning(reason, start + Duration::from_secs(*second))
                })
                .collect();

        assert_eq!(logged, [(0, "locked"), (5, "refused"), (65, "refused")]);
    }
}
