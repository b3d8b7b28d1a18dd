//! Why the feed does not answer.

use std::time::Duration;

use counterfoil_core::store::StoreError;

/// Why a poll, a stream or a wait for the fleet has no result.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FeedError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The key sends more polls than its limit allows.
    #[error("the verifier key sends too many polls")]
    TooManyPolls(Duration),
    /// The key has as many instances as it may have.
    #[error(
        "the verifier key has too many instances: each process draws one id when it starts, and keeps it"
    )]
    TooManyInstances(Duration),
    /// The key has as many streams as it may have.
    #[error("the verifier key has too many streams")]
    TooManyStreams,
    /// This node could not renew its lease, so what it has in memory may be outdated.
    #[error("this node cannot reach the store, and may not know of the latest revocations")]
    NodeLease,
    /// The server shuts down before every verifier has confirmed.
    #[error("the revocation is durable, but the server shuts down before every verifier has confirmed it")]
    WaitInterrupted,
}
