//! What a verifier knows of the revocations and how new that is: for readiness checks, metrics and people.

use std::fmt;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use counterfoil_jose::Time;

use crate::feed::error::FeedError;
use crate::feed::follower::StaleReason;
use crate::revocation::log::RevocationPosition;

/// How new the revocations of a verifier are, at one moment.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct FeedFreshness {
    /// Whether the verifier may rely on what it knows.
    pub state: FreshnessState,
    /// How long ago the poll was sent that brought the newest complete state: everything that was revoked before is known.
    /// `None` before the first complete poll. A poll waits for up to a third of the lease, so it is normally up to that.
    pub lag: Option<Duration>,
    /// The position of the revocation log up to which every entry is known.
    pub position: RevocationPosition,
    /// The head of the log, as the issuer last told it. It is larger than `position` while a snapshot is loaded.
    pub head: RevocationPosition,
    /// The number of revoked subjects.
    pub entries: usize,
    /// The heap memory of the entries, in bytes.
    pub memory_bytes: usize,
    /// The number of polls that were sent.
    pub polls: u64,
    /// The number of polls that failed.
    pub failed_polls: u64,
    /// How often the verifier became stale.
    pub times_stale: u64,
    /// Why the last poll failed; `None` if it succeeded.
    pub last_error: Option<Arc<FeedError>>,
}

/// Whether a verifier may rely on what it knows. Times are those of its clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum FreshnessState {
    /// It accepts credentials that are not revoked.
    Fresh {
        /// When the lease ends, unless a poll renews it.
        until: Time,
    },
    /// It refuses credentials, or does what its [`StalePolicy`](crate::StalePolicy) says.
    Stale {
        /// When the lease ended; before the first lease, when the verifier started.
        since: Time,
        /// Why the lease was not renewed.
        reason: StaleReason,
    },
}

impl FeedFreshness {
    /// Whether the verifier accepts credentials: for a readiness check.
    pub const fn is_fresh(&self) -> bool {
        matches!(self.state, FreshnessState::Fresh { .. })
    }

    /// The values as metrics in the text format of Prometheus, to append to those of the service:
    ///
    /// ```text
    /// # TYPE counterfoil_verifier_fresh gauge
    /// counterfoil_verifier_fresh 1
    /// ```
    ///
    /// Alert on `counterfoil_verifier_fresh == 0`.
    pub fn to_prometheus(&self) -> String {
        let lag = self.lag.map_or(f64::NAN, |lag| lag.as_secs_f64());
        let mut text = String::new();
        for (name, kind, help, value) in [
            (
                "fresh",
                "gauge",
                "Whether the revocations are up to date",
                f64::from(u8::from(self.is_fresh())),
            ),
            ("lag_seconds", "gauge", "How old the known revocations may be", lag),
            ("position", "gauge", "The position in the revocation log", self.position.number() as f64),
            ("entries", "gauge", "The number of revoked subjects", self.entries as f64),
            ("memory_bytes", "gauge", "The memory of the revocations", self.memory_bytes as f64),
            ("polls_total", "counter", "The polls that were sent", self.polls as f64),
            ("failed_polls_total", "counter", "The polls that failed", self.failed_polls as f64),
            ("stale_total", "counter", "How often the revocations became stale", self.times_stale as f64),
        ] {
            let name = format!("counterfoil_verifier_{name}");
            let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}");
        }
        text
    }
}

/// One line, for a status page or a log.
impl fmt::Display for FeedFreshness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.state {
            FreshnessState::Fresh { .. } => f.write_str("fresh")?,
            FreshnessState::Stale { reason, .. } => match &self.last_error {
                Some(error) => write!(f, "stale ({error})")?,
                None => write!(f, "stale ({reason})")?,
            },
        }
        write!(f, ", {} revocations up to position {}", self.entries, self.position)?;
        match self.lag {
            Some(lag) => write!(f, ", lag {} ms", lag.as_millis()),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http_client::error::HttpError;

    const NOON: Time = Time::from_unix_seconds(1_764_000_000);

    fn freshness(state: FreshnessState) -> FeedFreshness {
        FeedFreshness {
            state,
            lag: Some(Duration::from_millis(1500)),
            position: RevocationPosition::new(1_764_000_000_123),
            head: RevocationPosition::new(1_764_000_000_123),
            entries: 2,
            memory_bytes: 90,
            polls: 7,
            failed_polls: 1,
            times_stale: 0,
            last_error: None,
        }
    }

    #[test]
    fn a_line_says_what_is_known_and_why_it_is_stale() {
        let fresh = freshness(FreshnessState::Fresh { until: NOON });
        assert_eq!(fresh.to_string(), "fresh, 2 revocations up to position 1764000000123, lag 1500 ms");

        let state = FreshnessState::Stale { since: NOON, reason: StaleReason::Starting };
        let last_error = Some(Arc::new(HttpError::TimedOut.into()));
        let stale = FeedFreshness { lag: None, last_error, ..freshness(state) };
        let text = "stale (the issuer did not respond in time), 2 revocations up to position 1764000000123";
        assert_eq!(stale.to_string(), text);
    }

    #[test]
    fn the_metrics_have_the_text_format_of_prometheus() {
        let text = freshness(FreshnessState::Fresh { until: NOON }).to_prometheus();

        assert!(
            text.contains("# TYPE counterfoil_verifier_fresh gauge\ncounterfoil_verifier_fresh 1\n"),
            "{text}"
        );
        assert!(text.contains("\ncounterfoil_verifier_lag_seconds 1.5\n"), "{text}");
        assert!(text.contains("\ncounterfoil_verifier_position 1764000000123\n"), "{text}");
        assert_eq!(text.lines().count(), 3 * 8);
    }
}
