//! What happens to a follower: the events that its driver reports.

use std::time::Duration;

use crate::feed::wire::FeedResponse;

/// Something that happened. The driver reports it to [`Follower::handle`](super::Follower::handle) with the uptime.
#[derive(Debug, Clone)]
pub enum FollowerEvent {
    /// [`Follower::wake_at`](super::Follower::wake_at) is reached. It may be reported at any time, also too often.
    Timer,
    /// A response arrived, to whichever poll. One that is not for the poll in progress is discarded.
    Response(Box<FeedResponse>),
    /// Every thread sees the last [`Publication`](super::Publication).
    Published,
    /// A poll has no response. It is ignored if the poll is not the one in progress.
    PollFailed {
        /// The number of the poll.
        poll: u64,
        /// Why.
        failure: PollFailure,
        /// A random byte, so that verifiers that lost their issuer together do not return together.
        jitter: u8,
    },
}

/// Why a poll has no valid response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PollFailure {
    /// The issuer cannot be reached, or the connection broke.
    #[error("the issuer cannot be reached")]
    Unreachable,
    /// No response arrived within the timeout of the poll.
    #[error("the issuer did not respond in time")]
    TimedOut,
    /// The issuer refused the poll.
    #[error("the issuer refused the poll with status {status}")]
    Refused {
        /// The status of the response.
        status: u16,
        /// After which time the issuer wants the next poll (`Retry-After`, RFC 9110, section 10.2.3).
        retry_after: Option<Duration>,
    },
    /// The response is not what the protocol says.
    #[error("the response of the issuer is invalid")]
    Invalid,
    /// There are more revocations than the verifier may hold.
    #[error("there are more revocations than the verifier may hold")]
    TooManyEntries,
}
