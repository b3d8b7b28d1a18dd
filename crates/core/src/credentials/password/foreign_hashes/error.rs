//! Why a hash is not taken over.

/// Why the hash of another system cannot be taken over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ForeignHashError {
    /// No scheme that is known here.
    #[error("is of no scheme that is known here")]
    Unknown,
    /// The scheme is known, and the rest is not what it writes.
    #[error("is not a well-formed {0} hash")]
    Malformed(&'static str),
    /// Above the ceiling; a hash is not to be able to stop the server.
    #[error("would take more work or memory to check than is allowed for {0}")]
    TooCostly(&'static str),
}
