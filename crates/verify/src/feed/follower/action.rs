//! What a follower wants done: the actions that its driver carries out, in their order.

use std::fmt;
use std::time::Duration;

use counterfoil_jose::Time;

use crate::feed::follower::event::PollFailure;
use crate::feed::wire::FeedInstanceId;
use crate::id::RevocationLogId;
use crate::revocation::log::{RevocationEntry, RevocationPosition};

/// Something that the driver of a follower must do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FollowerAction {
    /// Send this poll. Report its response, or a failure once its timeout is over.
    SendPoll(PollRequest),
    /// Make this visible to every thread, then report
    /// [`FollowerEvent::Published`](super::FollowerEvent::Published). The next poll, which acknowledges, is sent only after
    /// that.
    Publish(Publication),
    /// The key set of the issuer has this SHA-256, as base64url. Fetch it unless it is the one in use.
    AnnounceKeys(String),
    /// Log that the verifier has become fresh or stale.
    Report(FreshnessChange),
}

/// A poll to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PollRequest {
    /// The id of this process.
    pub instance: FeedInstanceId,
    /// The number of the poll.
    pub poll: u64,
    /// What every thread of this process sees: the poll acknowledges it. `None`: nothing.
    pub position: Option<FeedPosition>,
    /// How long the issuer may wait for an entry.
    pub wait: Duration,
    /// For how long after its lease this process accepts credentials.
    pub stale: Duration,
    /// How long to wait for the head of the response.
    pub timeout: Duration,
}

/// A position in one revocation log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeedPosition {
    /// The log.
    pub log: RevocationLogId,
    /// The position up to which every entry is known.
    pub after: RevocationPosition,
}

/// What to make visible to every thread: the entries before or together with the new end of the lease, never after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publication {
    /// The entries to merge, also those of a snapshot.
    pub entries: Vec<RevocationEntry>,
    /// The position up to which every entry is known with them.
    pub position: RevocationPosition,
    /// The uptime at which the lease ends; `None` if the response gives no lease.
    pub fresh_until: Option<Duration>,
    /// The time of the issuer when it responded.
    pub issuer_time: Time,
}

/// The verifier has become fresh or stale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FreshnessChange {
    /// It knows every revocation, and accepts credentials.
    Fresh,
    /// Its lease has ended.
    Stale(StaleReason),
}

/// Why a verifier is stale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum StaleReason {
    /// The process has just started and does not know the whole log yet.
    Starting,
    /// A poll is in progress, and its response is late.
    NoResponse,
    /// The last poll failed.
    PollFailed(PollFailure),
}

impl fmt::Display for StaleReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Starting => f.write_str("the first revocations are still to come"),
            Self::NoResponse => f.write_str("the issuer has not responded for the time of the lease"),
            Self::PollFailed(failure) => failure.fmt(f),
        }
    }
}

impl PollRequest {
    /// The query of `GET /v1/feed`. No value needs percent-encoding.
    pub fn query(&self) -> String {
        let Self { instance, poll, position, wait, stale, timeout: _ } = self;
        let mut query = format!("instance={instance}&poll={poll}&wait={}", wait.as_millis());
        if let Some(FeedPosition { log, after }) = position {
            query += &format!("&after={after}&log={log}");
        }
        if !stale.is_zero() {
            // Rounded up: the issuer must not count less than this process.
            query += &format!("&stale={}", stale.as_millis().div_ceil(1000));
        }
        query
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_query_acknowledges_only_a_position_and_rounds_stale_up() {
        let first = PollRequest {
            instance: "b2a9".parse().unwrap(),
            poll: 1,
            position: None,
            wait: Duration::ZERO,
            stale: Duration::ZERO,
            timeout: Duration::from_secs(1),
        };
        assert_eq!(first.query(), "instance=b2a9&poll=1&wait=0");

        let log = RevocationLogId::from_bytes([1; 16]);
        let next = PollRequest {
            poll: 2,
            position: Some(FeedPosition { log, after: RevocationPosition::new(8) }),
            wait: Duration::from_secs(1),
            stale: Duration::from_millis(30_001),
            ..first
        };
        assert_eq!(
            next.query(),
            "instance=b2a9&poll=2&wait=1000&after=8&log=AQEBAQEBAQEBAQEBAQEBAQ&stale=31"
        );
    }
}
