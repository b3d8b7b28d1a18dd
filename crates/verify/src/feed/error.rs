//! Why a poll of the revocation feed failed.

use std::time::Duration;

use crate::feed::follower::PollFailure;
use crate::http_client::error::HttpError;

/// Why a poll of the revocation feed failed. What the verifier knows stays in use until its lease ends.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FeedError {
    /// The request failed.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// The issuer refused the poll. With 401 it does not know the verifier key.
    #[error("the issuer refused the poll with status {status}: {}", detail.as_deref().unwrap_or("it does not say why"))]
    Refused {
        /// The status of the response.
        status: u16,
        /// After which time the issuer wants the next poll.
        retry_after: Option<Duration>,
        /// What is wrong, as the issuer says it (the `detail` of RFC 9457).
        detail: Option<String>,
    },
    /// The body of the response is not that of the feed.
    #[error("the response of the feed is malformed")]
    Malformed(#[source] serde_json::Error),
    /// The response is for another poll or instance, or contradicts itself. It was discarded.
    #[error("the response is not the one to the poll: is there a cache before the issuer?")]
    WrongResponse,
    /// There are more revocations than `FeedOptions::max_entries` allows.
    #[error("there are more than {max} revocations; `FeedOptions::max_entries` allows more")]
    TooManyEntries {
        /// The most that the verifier may hold.
        max: usize,
    },
}

impl FeedError {
    /// What the follower learns of it.
    pub(crate) const fn failure(&self) -> PollFailure {
        match self {
            Self::Http(HttpError::TimedOut) => PollFailure::TimedOut,
            Self::Http(HttpError::Redirect(status) | HttpError::Status(status)) => {
                PollFailure::Refused { status: *status, retry_after: None }
            }
            Self::Http(
                HttpError::Unreachable(_)
                | HttpError::Protocol(_)
                | HttpError::ContentType
                | HttpError::TooLarge
                | HttpError::NotLoopback,
            ) => PollFailure::Unreachable,
            Self::Refused { status, retry_after, .. } => {
                PollFailure::Refused { status: *status, retry_after: *retry_after }
            }
            Self::Malformed(_) | Self::WrongResponse => PollFailure::Invalid,
            Self::TooManyEntries { .. } => PollFailure::TooManyEntries,
        }
    }
}
